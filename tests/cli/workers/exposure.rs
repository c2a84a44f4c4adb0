//! Who else can reach a run.

use super::*;

/// Ports that `process` listens at, as /proc has them.
fn listeners(process: u32) -> Vec<String> {
    let sockets = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten();
    let sockets = sockets.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    let sockets: Vec<_> = sockets.map(|link| link.to_string_lossy().into_owned()).collect();
    let own = |line: &&str| {
        let columns: Vec<_> = line.split_whitespace().collect();
        columns.get(3) == Some(&"0A")
            && columns.get(9).is_some_and(|inode| sockets.contains(&format!("socket:[{inode}]")))
    };
    let tables = ["tcp", "tcp6"].map(|name| fs::read_to_string(format!("/proc/{process}/net/{name}")));
    tables
        .into_iter()
        .flatten()
        .flat_map(|table| table.lines().filter(own).map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

#[test]
fn no_port_is_opened_that_was_not_asked_for() {
    if !has_fences() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let [plain, fenced] = ["plain", "fenced"].map(|name| folder.path().join(name));
    let endless = ["baseline", "--epochs", "1000", "--batch-size", "30"];
    let mut command = start(&plain, &[&endless[..], &["--replicas", "2"]].concat());
    command.env(
        "TF_CONFIG",
        r#"{"cluster":{"worker":["127.0.0.1:1","127.0.0.1:2"]},"task":{"type":"worker","index":1}}"#,
    );
    let mut run = command.spawn().unwrap();
    wait_for_lines(&plain, 3);
    assert_eq!(listeners(run.id()), [""; 0]);
    send("-TERM", run.id());
    let output = end(run, Duration::from_secs(60));
    assert!(
        stderr(&output).contains("TF_CONFIG is set, and left alone: --cluster TF_CONFIG takes part"),
        "{}",
        stderr(&output)
    );

    run = start(&fenced, &[&endless[..], &["--processes", "2"]].concat()).spawn().unwrap();
    wait_for_lines(&fenced, 3);
    let listened = listeners(run.id());
    assert_eq!(listened.len(), 1, "a server listens, in a network of its own: {listened:?}");
    let network = |process: &str| fs::read_link(format!("/proc/{process}/ns/net")).unwrap();
    assert_ne!(network(&run.id().to_string()), network("self"));
    for worker in children(run.id()) {
        assert_eq!(network(&worker.to_string()), network(&run.id().to_string()));
    }
    // From outside: nobody is there.
    let port = listened[0].split_whitespace().nth(1).and_then(|local| local.rsplit(':').next());
    let port = u16::from_str_radix(port.unwrap(), 16).unwrap();
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
    let routes = fs::read_to_string(format!("/proc/{}/net/route", run.id())).unwrap();
    assert_eq!(routes.lines().count(), 1, "there is a way out: {routes}");
    send("-TERM", run.id());
    let output = end(run, Duration::from_secs(60));
    assert_eq!(output.status.code(), Some(143), "{}", stderr(&output));
}

#[test]
fn where_the_system_gives_no_network_of_ones_own_there_are_no_processes_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let forbid = "echo 0 > /proc/sys/user/max_net_namespaces";
    let fenced = |then: &str| {
        let mut command = Command::new("unshare");
        command.args(["-Ur", "sh", "-c", &format!("{forbid} && {then}")]);
        command
    };
    if !fenced("true").stderr(Stdio::null()).status().is_ok_and(|status| status.success()) {
        support::untested("the right to forbid networks of one's own");
        return;
    }
    let start = |options: &[&str]| {
        let plain = start(&run, &[&["baseline", "--max-steps", "2", "--processes", "2"], options].concat());
        let mut command = fenced(r#"exec "$0" "$@""#);
        command.arg(plain.get_program()).args(plain.get_args());
        command
    };
    let stderr = fail(start(&[]), 2);
    assert!(stderr.contains("no network of its own") && stderr.contains("--trust-network"), "{stderr}");
    assert!(!run.exists());
    succeed(start(&["--trust-network"]));
}
