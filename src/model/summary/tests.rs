use super::*;
use crate::graph::{Padding, Pair};
use crate::networks;
use std::path::Path;

fn summary(name: &str) -> Summary {
    Summary::of(&networks::find(Path::new(name)).unwrap())
}

fn layer<'a>(summary: &'a Summary, name: &str) -> &'a LayerSummary {
    summary.layers.iter().find(|layer| layer.name == name).unwrap()
}

#[test]
fn a_stride_of_2_over_28_pixels_pads_nothing_before_and_one_after() {
    let baseline = summary("baseline");
    let window = layer(&baseline, "conv2").window.unwrap();
    assert_eq!(window.padding, Padding::Same);
    assert_eq!((window.padding_before, window.padding_after), (0.into(), 1.into()));
    assert_eq!((window.padded_size, window.windows), (Pair([29, 29]), Pair([14, 14])));
}

#[test]
fn the_padded_copy_is_the_tensor_of_the_published_error() {
    let baseline = summary("baseline");
    let copies: Vec<_> = baseline.layers.iter().filter_map(|layer| layer.gpu_padded_copy.as_ref()).collect();
    assert_eq!(copies.len(), 1);
    assert_eq!(copies[0].shape.with_rows(10_000), "[10000,16,29,29]");
    assert_eq!(copies[0].bytes.at(10_000), 538_240_000);
    assert_eq!(copies[0].bytes.chunk, 53_824_000);
}

#[test]
fn padding_alike_on_both_sides_makes_no_copy() {
    let optimized = summary("optimized");
    assert!(optimized.layers.iter().all(|layer| layer.gpu_padded_copy.is_none()));
}

#[test]
fn parameters_are_counted_by_hand() {
    let counts = |name| {
        let summary = summary(name);
        let layers = summary.layers.iter();
        layers.map(|layer| (layer.trainable_parameters, layer.moving_averages)).collect::<Vec<_>>()
    };
    assert_eq!(
        counts("baseline"),
        [(9 * 16 + 16, 0), (9 * 16 * 32 + 32, 0), (0, 0), (1568 * 32 + 32, 0), (330, 0)]
    );
    assert_eq!(
        counts("optimized"),
        [(160 + 32, 32), (4640 + 64, 64), (0, 0), (6272 * 32 + 32 + 64, 64), (330 + 20, 20)]
    );
}

#[test]
fn work_is_that_of_the_published_networks() {
    let optimized = summary("optimized");
    assert_eq!(optimized.totals.multiply_adds_per_row, 3_926_592);
    assert_eq!(optimized.totals.training_step_flop, 2_355_955_200); // 2.36 GFLOP
    assert_eq!(optimized.forward_flop(5_000), 39_265_920_000); // 39.3 GFLOP
    assert_eq!(optimized.training_flop(100), optimized.totals.training_step_flop);
    assert_eq!(optimized.forward_flop(CHUNK_ROWS), optimized.totals.evaluation_chunk_flop);
    assert_eq!(summary("baseline").totals.multiply_adds_per_row, 1_066_560);
}

#[test]
fn shapes_read_like_tensorflows() {
    let shape = RowShape::new([28, 28, 1]);
    assert_eq!(shape.to_string(), "[n,28,28,1]");
    assert_eq!(serde_json::to_string(&shape).unwrap(), "[null,28,28,1]");
}

#[test]
fn the_second_convolution_is_the_widest_layer_of_both() {
    for name in ["baseline", "optimized"] {
        assert_eq!(summary(name).widest_layer().unwrap().name, "conv2");
    }
}
