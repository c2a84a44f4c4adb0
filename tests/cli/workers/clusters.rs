//! `--cluster`: the same command on every machine.

use super::*;

const LIMITS: [&str; 4] = ["--wait", "10s", "--peer-timeout", "2s"];
const SHORT: [&str; 4] = ["--wait", "2s", "--peer-timeout", "2s"];

/// Ports that nobody listens at.
fn free_ports() -> [u16; 2] {
    let bound = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    bound.map(|listener| listener.local_addr().unwrap().port())
}

/// The command, as process `index` of two.
fn part(mut command: Command, ports: [u16; 2], index: usize, limits: &[&str]) -> Command {
    let config = format!(
        r#"{{"cluster": {{"worker": ["127.0.0.1:{}", "127.0.0.1:{}"]}}, "task": {{"type": "worker", "index": {index}}}}}"#,
        ports[0], ports[1]
    );
    command.args(["--cluster", "TF_CONFIG"]).args(limits).env("TF_CONFIG", config);
    command
}

#[test]
fn the_same_command_on_every_machine_makes_a_cluster_and_resumes() {
    let folder = tempfile::tempdir().unwrap();
    let [reference, run] = ["reference", "run"].map(|name| folder.path().join(name));
    let ports = free_ports();
    // Nine steps are an epoch, at whose end it validates, whether it goes on or not.
    let run_of = |steps| ["baseline", "--batch-size", "31", "--max-steps", steps, "--replicas", "3"];
    succeed(start(&reference, &run_of("12")));
    // The second time what the run is says its folder: reproducible, of three replicas.
    for again in [false, true] {
        let command = || match again {
            false => start(&run, &run_of("9")),
            true => resume(&run, &["baseline", "--max-steps", "12"]),
        };
        let worker = part(command(), ports, 1, &LIMITS).spawn().unwrap();
        let chief = end(part(command(), ports, 0, &LIMITS).spawn().unwrap(), Duration::from_secs(120));
        assert!(chief.status.success(), "{}", stderr(&chief));
        let worker = end(worker, Duration::from_secs(60));
        assert!(worker.status.success(), "{}", stderr(&worker));
        assert!(stderr(&worker).contains("has ended"), "{}", stderr(&worker));
    }
    assert_same(&run, &reference);
}

#[test]
fn a_worker_whose_chief_never_comes_ends() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let output =
        end(part(start(&run, OPTIMIZED), free_ports(), 1, &SHORT).spawn().unwrap(), Duration::from_secs(60));
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("did not come within 2s"), "{}", stderr(&output));
    // A signal is obeyed at once, whatever is waited for; and a port that another has is named as what it is.
    let mut ports = free_ports();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    ports[0] = silent.local_addr().unwrap().port();
    let long = ["--wait", "60s", "--peer-timeout", "60s"];
    let waiting = part(start(&run, OPTIMIZED), ports, 1, &long).spawn().unwrap();
    drop(silent.accept().unwrap());
    send("-TERM", waiting.id());
    let output = end(waiting, Duration::from_secs(20));
    assert!(output.status.success(), "{}", stderr(&output));
    let taken = TcpListener::bind("0.0.0.0:0").unwrap();
    ports[1] = taken.local_addr().unwrap().port();
    let stderr = fail(part(start(&run, OPTIMIZED), ports, 1, &SHORT), 2);
    assert!(stderr.contains(&format!("--cluster: port {} is in use", ports[1])), "{stderr}");
    let stderr = fail(part(resume(&run, &["optimized"]), ports, 1, &SHORT), 2);
    assert!(stderr.contains("a worker of --cluster computes as the run's config.json says"), "{stderr}");
}
