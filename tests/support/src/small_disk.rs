//! Disks that are full, read-only, or take no long file.
use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

fn succeeds(program: &str, arguments: &[&OsStr]) -> bool {
    let output = Command::new(program).args(arguments).output();
    output.is_ok_and(|output| output.status.success())
}

/// `command`, none of whose files may be longer than `kib` KiB.
pub fn limited(command: &Command, kib: u32) -> Command {
    let mut shell = Command::new("bash");
    shell
        .args(["-c", &format!("ulimit -f {kib}; exec \"$0\" \"$@\"")])
        .arg(command.get_program())
        .args(command.get_args())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}

/// A file system of its own, in memory, as large as a test wants it; `None` where mounting is not permitted.
pub struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    pub fn mount(kib: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={kib}k");
        let arguments = ["-t", "tmpfs", "-o", &size, "tmpfs"].map(OsStr::new);
        if !succeeds("mount", &[&arguments[..], &[folder.path().as_os_str()]].concat()) {
            crate::untested("the right to mount a small disk");
            return None;
        }
        Some(Self { folder })
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn remount(&self, options: &str) {
        let options = format!("remount,{options}");
        let arguments = [OsStr::new("-o"), OsStr::new(&options), self.folder.path().as_os_str()];
        assert!(succeeds("mount", &arguments));
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        succeeds("umount", &[self.folder.path().as_os_str()]);
    }
}
