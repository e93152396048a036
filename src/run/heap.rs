//! The heap of a process that lives for a day.
//!
//! glibc's allocator gives each thread an arena of its own, and keeps what was freed in it up to the highest place that
//! is in use. After a target was frozen that is megabytes in one arena after the other. Other allocators are left to
//! their own ways.

/// Has all threads share one arena; to be called before there is a second thread. A run allocates too little for them
/// to be in each other's way.
pub fn share_heap() {
    #[cfg(target_env = "gnu")]
    {
        #[expect(unsafe_code, reason = "a call into the C library that takes two numbers")]
        // SAFETY: there is no second thread yet, as is said above; what it does not know it refuses.
        unsafe {
            libc::mallopt(libc::M_ARENA_MAX, 1);
        }
    }
}

/// Gives whole pages that hold nothing any more back to the kernel. Takes a millisecond for some megabytes, in which
/// nobody else allocates.
pub(super) fn give_back() {
    #[cfg(target_env = "gnu")]
    {
        #[expect(unsafe_code, reason = "a call into the C library that takes a number")]
        // SAFETY: it may be called at any time, from any thread.
        unsafe {
            libc::malloc_trim(0);
        }
    }
}
