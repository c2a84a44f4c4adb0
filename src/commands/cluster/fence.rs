//! A network of this process's own, with nothing in it but the machine itself.

use std::fs;
use std::io;

/// Leaves the machine's network for a new one that nobody else can reach: neither from the machine nor from outside it. Child
/// processes are in it, too.
///
/// # Errors
/// The system forbids it.
#[cfg(target_os = "linux")]
pub fn enter() -> io::Result<()> {
    use rustix::process::{getgid, getuid};
    use rustix::thread::{UnshareFlags, unshare_unsafe};
    // Other threads would stay behind.
    if fs::read_dir("/proc/self/task")?.count() > 1 {
        return Err(io::Error::other("this process has several threads"));
    }
    let (user, group) = (getuid().as_raw(), getgid().as_raw());
    // SAFETY: no file descriptors are unshared, only namespaces.
    let alone = unsafe { unshare_unsafe(UnshareFlags::NEWNET) };
    if alone.is_err() {
        // As a user: in a namespace of users, too, where this one has the same number.
        // SAFETY: as above.
        unsafe { unshare_unsafe(UnshareFlags::NEWUSER | UnshareFlags::NEWNET) }?;
        // Without this the system takes no map of groups from a user.
        let _ = fs::write("/proc/self/setgroups", "deny");
        fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
        fs::write("/proc/self/gid_map", format!("{group} {group} 1"))?;
    }
    raise_loopback()
}

/// # Errors
/// Always: only Linux has such networks.
#[cfg(not(target_os = "linux"))]
pub fn enter() -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// `ip link set lo up`, which not every machine has.
#[cfg(target_os = "linux")]
fn raise_loopback() -> io::Result<()> {
    use rustix::net::{AddressFamily, SocketType, socket};
    use std::os::fd::AsRawFd;
    let socket = socket(AddressFamily::INET, SocketType::DGRAM, None)?;
    // SAFETY: a structure of numbers, for which zeros are valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (place, &letter) in request.ifr_name.iter_mut().zip(b"lo") {
        *place = letter as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: the request lives, and is of the kind that this call takes.
    match unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw mut request) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
