//! Which folders lie on another computer: what others change there is not notified here, and it may stop answering.

use std::path::Path;

/// File systems whose files lie elsewhere, by the names that the kernel gives them: those of servers, the folders that a virtual machine
/// shares with its host, and what is mounted by being looked at.
const REMOTE: &[&str] = &[
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "ncpfs",
    "9p",
    "afs",
    "ceph",
    "coda",
    "davfs",
    "glusterfs",
    "lustre",
    "beegfs",
    "orangefs",
    "virtiofs",
    "vboxsf",
    "vmhgfs",
    "prl_fs",
    "autofs",
];

/// Programs in user space that show what lies on this computer in another way; others mostly fetch it from elsewhere.
const LOCAL_FUSE: &[&str] =
    &["gocryptfs", "encfs", "cryfs", "bindfs", "mergerfs", "unionfs", "fuse-overlayfs", "ntfs-3g"];

/// Whether a path lies on another computer. It asks the table of mounts and never the file system, which may not answer.
pub fn is_remote(path: &Path) -> bool {
    if cfg!(windows) {
        let name = path.to_string_lossy();
        return name.starts_with(r"\\?\UNC\") || (name.starts_with(r"\\") && !name.starts_with(r"\\?\"));
    }
    // Other systems have no such table: all that is asked of them is to notify.
    std::fs::read("/proc/self/mountinfo")
        .is_ok_and(|table| kind_at(&String::from_utf8_lossy(&table), path).is_some_and(|kind| is_remote_kind(&kind)))
}

fn is_remote_kind(kind: &str) -> bool {
    match kind.strip_prefix("fuse.") {
        Some(program) => !LOCAL_FUSE.contains(&program),
        None => REMOTE.contains(&kind),
    }
}

/// The kind of file system that a path lies on: of the mount nearest to it, the latest where several lie over each other.
fn kind_at(table: &str, path: &Path) -> Option<String> {
    let mut nearest: Option<(usize, &str)> = None;
    for line in table.lines() {
        let (Some(place), Some((_, rest))) = (line.split(' ').nth(4), line.split_once(" - ")) else { continue };
        let place = unescaped(place);
        let Some(kind) = rest.split(' ').next().filter(|_| path.starts_with(&place)) else { continue };
        if nearest.is_none_or(|(length, _)| place.len() >= length) {
            nearest = Some((place.len(), kind));
        }
    }
    nearest.map(|(_, kind)| kind.to_owned())
}

/// Spaces, tabs, line ends and backslashes are written as `\` and three octal digits.
fn unescaped(place: &str) -> String {
    [(r"\040", " "), (r"\011", "\t"), (r"\012", "\n"), (r"\134", r"\")]
        .iter()
        .fold(place.to_owned(), |place, (code, character)| place.replace(code, character))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = r"22 1 254:0 / / rw,relatime - ext4 /dev/root rw
23 22 0:5 / /dev rw - devtmpfs none rw
30 22 0:40 / /mnt/nas rw,relatime shared:7 - nfs4 nas:/export rw,vers=4.2
31 30 8:1 / /mnt/nas/usb rw - vfat /dev/sda1 rw
32 22 0:41 / /home/a/our\040files rw - cifs //server/our\040files rw
33 22 0:42 / /home/a/server rw - fuse.sshfs a@server: rw
34 22 0:43 / /home/a/vault rw - fuse.gocryptfs /home/a/cipher rw
35 22 0:44 / /net/x rw - autofs systemd-1 rw
36 35 0:45 / /net/x rw - nfs x:/ rw
37 22 8:2 / /media/disk rw - fuseblk /dev/sdb1 rw
";

    #[test]
    fn the_nearest_mount_tells() {
        for (path, kind, remote) in [
            ("/home/a/notes", "ext4", false),
            ("/mnt/nas", "nfs4", true),
            ("/mnt/nas/deep/er", "nfs4", true),
            ("/mnt/nas2", "ext4", false),
            ("/mnt/nas/usb/a.md", "vfat", false),
            ("/home/a/our files/b", "cifs", true),
            ("/home/a/server/c", "fuse.sshfs", true),
            ("/home/a/vault/d", "fuse.gocryptfs", false),
            ("/net/x/y", "nfs", true),
            ("/media/disk", "fuseblk", false),
        ] {
            assert_eq!(kind_at(TABLE, Path::new(path)).as_deref(), Some(kind), "{path}");
            assert_eq!(is_remote_kind(kind), remote, "{path}");
        }
        assert_eq!(kind_at("nonsense\n", Path::new("/")), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_table_of_this_system_can_be_read() {
        let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        assert_eq!(kind_at(&table, Path::new("/proc/self")).as_deref(), Some("proc"));
        assert!(!is_remote(Path::new("/proc/self")));
    }
}
