//! Parts of a graph that are imported into others.

use support::graph_session::{GraphSession, graph, tensor};
use tensorflow::Output;
use tf_mnist::graph::{Dense, Scope, Subgraph};

/// `x` times two, of a graph with a variable in front and another output behind: takes what is ahead of the factor.
fn doubled() -> Subgraph {
    let scope = graph(Some(1));
    let x = scope.placeholder::<f32>("x", &[None, Some(3)]).unwrap();
    let before = Dense::new(&scope, "before", 3, 2, None).unwrap().apply(&scope, &x).unwrap();
    let two = scope.scalar("two", 2.0f32).unwrap();
    let doubled = scope.op("Mul", "doubled").input(&before).input(&two).output().unwrap();
    scope.op("Neg", "behind").input(&doubled).output().unwrap();
    Subgraph::new(&scope, &[before], &[doubled]).unwrap()
}

fn names(scope: &Scope) -> Vec<String> {
    scope.graph().operation_iter().map(|operation| operation.name().unwrap()).collect()
}

#[test]
fn it_holds_what_lies_between_inputs_and_outputs_and_stands_on_the_device() {
    let subgraph = doubled();
    let scope = graph(None);
    let ones = scope.constant("ones", &[1, 2], &[1.0f32, 10.0]).unwrap();
    let mut x = ones;
    for _ in 0..2 {
        x = subgraph.import(&scope, "twice", "/device:CPU:0", &[x]).unwrap().remove(0);
    }
    assert_eq!(names(&scope), ["ones", "twice/two", "twice/doubled", "twice_1/two", "twice_1/doubled"]);
    let device = |name: &str| scope.graph().operation_by_name_required(name).unwrap().device().unwrap();
    assert_eq!(["ones", "twice/two", "twice_1/doubled"].map(device), ["", "/device:CPU:0", "/device:CPU:0"]);
    assert_eq!(GraphSession::open(&scope).value(&x), [4.0, 40.0]);
}

#[test]
fn its_inputs_are_fed_as_any_other() {
    let scope = graph(None);
    let x = scope.placeholder::<f32>("x", &[None, Some(2)]).unwrap();
    let twice = doubled().import(&scope, "twice", "", std::slice::from_ref(&x)).unwrap();
    let fed = tensor(&[2, 2], &[1.0f32, 2.0, 3.0, 4.0]);
    let session = GraphSession::open(&scope);
    assert_eq!(session.step().feed(&x, &fed).fetch(&twice[0]).run().unwrap()[0], [2.0, 4.0, 6.0, 8.0]);
}

/// Each of two imports goes on with the sum of what both gave by then.
#[test]
fn what_several_give_can_be_put_together_before_they_go_on() {
    let scope = graph(None);
    let (x, both) =
        (scope.placeholder::<f32>("x", &[]).unwrap(), scope.placeholder::<f32>("both", &[]).unwrap());
    let squared = scope.op("Square", "squared").input(&x).output().unwrap();
    let share = scope.op("RealDiv", "share").input(&squared).input(&both).output().unwrap();
    let waits =
        scope.op("Neg", "behind").input(&share).control_inputs([&squared.operation]).output().unwrap();
    let subgraph = Subgraph::new(&scope, std::slice::from_ref(&x), &[squared.clone(), waits]).unwrap();

    let scope = graph(None);
    let begin = |x| subgraph.begin(&scope, "part", "/device:CPU:0", &[scope.scalar("x", x).unwrap()]);
    let mut parts = [1.0f32, 3.0].map(|x| begin(x).unwrap());
    let squares: Vec<_> = parts.iter().map(|part| part.take(&squared).unwrap()).collect();
    let sum = scope.op("AddV2", "sum").input(&squares[0]).input(&squares[1]).output().unwrap();
    let session = |outputs: &[Output]| {
        let session = GraphSession::open(&scope);
        outputs.iter().map(|output| session.value(output)[0]).collect::<Vec<_>>()
    };
    let ends = parts.each_mut().map(|part| {
        part.give(&both, &sum).unwrap();
        let outputs = part.finish().unwrap();
        assert!(part.finish().unwrap()[1].operation.name() == outputs[1].operation.name());
        outputs[1].clone()
    });
    assert_eq!(session(&squares), [1.0, 9.0]);
    assert_eq!(session(&ends), [-0.1, -0.9]);
    let parts = ["x", "x_1", "part/squared", "part_1/squared", "sum"];
    assert_eq!(names(&scope)[..5], parts);
    assert_eq!(names(&scope)[5..], ["part/share", "part/behind", "part_1/share", "part_1/behind"]);
}

#[test]
fn what_does_not_fit_is_an_error_that_names_the_place() {
    let subgraph = doubled();
    let scope = graph(None);
    let ones = scope.constant("ones", &[1, 2], &[1.0f32; 2]).unwrap();
    let numbers = scope.constant("numbers", &[1, 2], &[1i64; 2]).unwrap();
    let import =
        |inputs: &[Output], device| subgraph.import(&scope, "twice", device, inputs).unwrap_err().to_string();
    assert_eq!(import(&[], ""), "\"twice\": 0 inputs for the 1 of a subgraph");
    for (error, place) in [(import(&[numbers], ""), "\"twice_1\""), (import(&[ones], "a\0"), "\"twice_2\"")] {
        assert!(error.contains(place), "{error}");
    }
}
