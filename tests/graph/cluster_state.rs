//! What a session over servers leaves behind.

use std::time::Duration;
use support::graph_session::graph;
use tensorflow::SessionRunArgs;
use tf_mnist::graph::{Initializer, Variable};
use tf_mnist::session::SessionConfig;
use tf_mnist::session::cluster::{Address, Cluster, Patience, Server};

#[test]
fn a_session_sees_no_variables_of_one_before() {
    let config = SessionConfig::reproducible();
    let server = Server::start(&Address::new("localhost", 0).unwrap(), &config).unwrap();
    let limit = Duration::from_secs(60);
    let patience = Patience { arrival: limit, answer: limit, run: limit };
    let cluster = Cluster::new(server, Vec::new(), patience);
    let scope = graph(Some(1));
    let variable = Variable::new(&scope, "a", &[2], Initializer::Ones).unwrap();
    let open = || cluster.open(&config, &scope.graph()).unwrap();
    let read = |session: &tensorflow::Session| {
        let mut run = SessionRunArgs::new();
        let token = run.request_fetch(&variable.read().operation, variable.read().index);
        session.run(&mut run)?;
        run.fetch::<f32>(token).map(|values| values.to_vec())
    };
    let first = open();
    let mut run = SessionRunArgs::new();
    run.add_target(variable.initializer());
    first.run(&mut run).unwrap();
    assert_eq!(read(&first).unwrap(), [1.0, 1.0]);
    let unset = read(&open()).unwrap_err();
    assert_eq!(unset.code(), tensorflow::Code::FailedPrecondition, "{unset}");
    assert_eq!(read(&first).unwrap(), [1.0, 1.0]);
}
