//! Reports drawn from stored records.
