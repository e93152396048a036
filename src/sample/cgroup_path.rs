use std::path::{Path, PathBuf};

/// Where the kernel's control groups are mounted here, and in which of them a process is.
pub(super) struct Membership {
    mounts: Vec<Mount>,
    groups: Vec<Group>,
}

struct Mount {
    /// Controllers of version 1; `None` for version 2.
    controllers: Option<Vec<String>>,
    /// Which group of the hierarchy is seen at `point`: not `/` inside a container.
    root: String,
    point: PathBuf,
}

struct Group {
    /// Controllers of version 1; empty for version 2.
    controllers: Vec<String>,
    path: String,
}

impl Membership {
    /// From `/proc/self/mountinfo` and `/proc/<pid>/cgroup`. `id` is the container's: a process inside may
    /// have moved to a group below the container's own, which is the one wanted.
    pub(super) fn parse(mountinfo: &str, cgroup: &str, id: &str) -> Self {
        let groups = cgroup.lines().filter_map(|line| {
            let mut parts = line.splitn(3, ':');
            let (_number, names, path) = (parts.next()?, parts.next()?, parts.next()?);
            let controllers =
                names.split(',').filter(|n| !n.is_empty()).map(str::to_owned).collect();
            Some(Group { controllers, path: up_to(path, id).to_owned() })
        });
        Self { mounts: mountinfo.lines().filter_map(mount).collect(), groups: groups.collect() }
    }

    /// The folder of the group that a version 1 controller accounts for.
    pub(super) fn v1(&self, controller: &str) -> Option<PathBuf> {
        let has = |list: &[String]| list.iter().any(|c| c == controller);
        let group = self.groups.iter().find(|g| has(&g.controllers))?;
        let mut mounts = self.mounts.iter().filter(|m| m.controllers.as_deref().is_some_and(has));
        mounts.find_map(|m| m.folder(&group.path))
    }

    /// The folder of the version 2 group.
    pub(super) fn v2(&self) -> Option<PathBuf> {
        let group = self.groups.iter().find(|g| g.controllers.is_empty())?;
        let mut mounts = self.mounts.iter().filter(|m| m.controllers.is_none());
        mounts.find_map(|m| m.folder(&group.path))
    }
}

impl Mount {
    fn folder(&self, path: &str) -> Option<PathBuf> {
        let below = if self.root == "/" {
            path
        } else {
            let rest = path.strip_prefix(self.root.as_str())?;
            (rest.is_empty() || rest.starts_with('/')).then_some(rest)?
        };
        // Seen from another control group namespace the path climbs out of what is mounted here.
        (!below.contains("/..")).then(|| self.point.join(below.trim_start_matches('/')))
    }
}

/// Cuts a path after the component that names the container.
fn up_to<'a>(path: &'a str, id: &str) -> &'a str {
    if id.is_empty() {
        return path;
    }
    path.find(id)
        .map_or(path, |at| path[at..].find('/').map_or(path, |length| &path[..at + length]))
}

fn mount(line: &str) -> Option<Mount> {
    let (left, right) = line.split_once(" - ")?;
    let mut left = left.split(' ').skip(3);
    let (root, point) = (left.next()?, left.next()?);
    let mut right = right.split(' ');
    let (kind, _source, options) = (right.next()?, right.next()?, right.next()?);
    let controllers = match kind {
        "cgroup" => Some(options.split(',').map(str::to_owned).collect()),
        "cgroup2" => None,
        _ => return None,
    };
    Some(Mount { controllers, root: root.to_owned(), point: Path::new(point).to_path_buf() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "c588dc90b1673cfdc99ca2cded32eb2c939beca9c5aaa759faa518796a9c2293";

    fn v1_mounts(root: &str) -> String {
        format!(
            "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n\
             32 31 0:29 {root} /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct\n\
             35 31 0:32 {root} /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n\
             41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"
        )
    }

    #[test]
    fn version_1_has_a_folder_for_each_controller() {
        let cgroup =
            format!("4:memory:/docker/{ID}\n2:cpu,cpuacct:/docker/{ID}\n0::/docker/{ID}\n");
        let found = Membership::parse(&v1_mounts("/"), &cgroup, ID);
        let folder = |c| found.v1(c).map(|p| p.display().to_string());
        assert_eq!(folder("memory"), Some(format!("/sys/fs/cgroup/memory/docker/{ID}")));
        assert_eq!(folder("cpuacct"), Some(format!("/sys/fs/cgroup/cpu,cpuacct/docker/{ID}")));
        assert_eq!(folder("pids"), None);
        assert!(found.v2().is_some(), "the hybrid layout has one too, without controllers");
    }

    #[test]
    fn inside_a_container_only_what_lies_below_its_own_group_is_seen() {
        let below = format!("4:memory:/docker/outer/docker/{ID}\n");
        let found = Membership::parse(&v1_mounts("/docker/outer"), &below, ID);
        let folder = found.v1("memory").unwrap();
        assert_eq!(folder, Path::new("/sys/fs/cgroup/memory/docker").join(ID));
        for elsewhere in ["/docker/other", "/docker/outerspace", "/../other"] {
            let found = Membership::parse(
                &v1_mounts("/docker/outer"),
                &format!("4:memory:{elsewhere}\n"),
                "other",
            );
            assert_eq!(found.v1("memory"), None, "{elsewhere}");
        }
    }

    #[test]
    fn version_2_works_with_both_drivers_and_with_groups_made_inside() {
        let mounts = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
        for (group, folder) in [
            (format!("/docker/{ID}"), format!("/sys/fs/cgroup/docker/{ID}")),
            (
                format!("/system.slice/docker-{ID}.scope"),
                format!("/sys/fs/cgroup/system.slice/docker-{ID}.scope"),
            ),
            (
                format!("/system.slice/docker-{ID}.scope/init.scope"),
                format!("/sys/fs/cgroup/system.slice/docker-{ID}.scope"),
            ),
            ("/".to_owned(), "/sys/fs/cgroup/".to_owned()),
        ] {
            let found = Membership::parse(mounts, &format!("0::{group}\n"), ID);
            assert_eq!(found.v2().unwrap(), Path::new(&folder), "{group}");
            assert_eq!(found.v1("memory"), None);
        }
        let outside = Membership::parse(mounts, "0::/../elsewhere\n", ID);
        assert_eq!(outside.v2(), None);
    }
}
