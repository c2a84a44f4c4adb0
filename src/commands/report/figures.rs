//! The charts of a report, each with a legend and words for those who do not see it.

use super::chart::{self, Chart};
use super::subject::{State, Subject};
use anyhow::Result;
use maud::{Markup, PreEscaped, html};
use std::ops::Range;
use tf_mnist::classifier::CalibrationBin;

/// More points on a curve are more than can be seen.
const POINTS: usize = 400;
/// Few enough that what jumps is smooth.
const SMOOTH: usize = 40;

/// The loss of every step of each run.
pub fn loss(subjects: &[Subject]) -> Result<Markup> {
    let curve = |subject: &Subject| {
        let points: Vec<_> = subject.losses.iter().map(|&(step, loss)| (step as f64, loss)).collect();
        // The heights are powers of ten.
        let power = |(step, loss): (f64, f64)| (step, loss.max(1e-9).log10());
        chart::thinned(&points, POINTS).into_iter().map(power).collect::<Vec<_>>()
    };
    let curves: Vec<_> = subjects.iter().map(curve).enumerate().collect();
    let heights = curves.iter().flat_map(|(_, curve)| curve).map(|point| point.1);
    let (low, high) = heights.fold((f64::MAX, f64::MIN), |(low, high), y| (low.min(y), high.max(y)));
    let chart = Chart {
        across: "step",
        up: "loss",
        x: steps(subjects),
        y: low..high.max(low + 0.1),
        written: |y| {
            let loss = 10_f64.powf(y);
            let places = if loss < 0.1 { 3 } else { 2 };
            format!("{loss:.places$}")
        },
        curves,
        marks: Vec::new(),
        lines: Vec::new(),
        diagonal: false,
    };
    let words = "Mean cross-entropy of each step's batch, on a logarithmic scale; of many steps, means of neighbours.";
    figure("Loss", &chart, &legend(subjects, &[]), words)
}

/// The accuracies of each run, the best of them marked; of a single run, also those on its batches.
pub fn accuracy(subjects: &[Subject]) -> Result<Markup> {
    let points = |accuracies: &[(u64, f64)]| {
        accuracies.iter().map(|&(step, accuracy)| (step as f64, accuracy)).collect::<Vec<_>>()
    };
    let validations = subjects.iter().map(|subject| chart::thinned(&points(&subject.validations), POINTS));
    let mut curves: Vec<_> = validations.enumerate().collect();
    let mut heights: Vec<_> = curves.iter().flat_map(|(_, curve)| curve).map(|point| point.1).collect();
    heights.sort_by(f64::total_cmp);
    // The first validations are far below the rest, and would squeeze it.
    let low = heights.get(heights.len() / 10).copied().unwrap_or_default();
    let (mut names, mut lines) = (Vec::new(), Vec::new());
    let mut words = String::from("Share of the validation images that is told right; a dot marks the best.");
    if let [subject] = subjects {
        // A batch is a hundred images or so, whose accuracy jumps by whole percents: behind, and smoothed.
        curves.insert(0, (chart::GRAY, chart::thinned(&points(&subject.batches), SMOOTH)));
        names = vec![(0, "validation"), (chart::GRAY, "batches just trained on, smoothed")];
        if let (State::EarlyStopped(steps), Some((best, _))) = (&subject.state, subject.best) {
            lines.extend([best as f64, *steps as f64]);
            words += " The lines: the best step, and the early stop.";
        }
    }
    let best = |(number, subject): (usize, &Subject)| {
        subject.best.map(|(step, accuracy)| (number, (step as f64, accuracy)))
    };
    let chart = Chart {
        across: "step",
        up: "accuracy",
        x: steps(subjects),
        y: (low - 0.3 * (1.0 - low)).clamp(0.0, 0.99)..1.0,
        written: |y| format!("{:.1}%", 100.0 * y),
        curves,
        marks: subjects.iter().enumerate().filter_map(best).collect(),
        lines,
        diagonal: false,
    };
    figure("Accuracy", &chart, &legend(subjects, &names), &words)
}

/// How sure a network was against how often it was right.
pub fn reliability(parts: &[CalibrationBin]) -> Result<Markup> {
    let filled = parts.iter().filter(|part| part.rows > 0);
    let point = |part: &CalibrationBin| {
        let rows = part.rows as f64;
        (part.probability / rows, part.correct as f64 / rows)
    };
    let chart = Chart {
        across: "how sure it was",
        up: "how often it was right",
        curves: vec![(0, filled.map(point).collect())],
        marks: Vec::new(),
        lines: Vec::new(),
        x: 0.0..1.0,
        y: 0.0..1.0,
        written: |y| format!("{:.0}%", 100.0 * y),
        diagonal: true,
    };
    let words = "Test images in tenths by the probability of what each was taken for. Above the line the network is right \
                 more often than it is sure; below, less often.";
    figure("How far its sureness can be relied on", &chart, &html! {}, words)
}

fn steps(subjects: &[Subject]) -> Range<f64> {
    let most = subjects.iter().map(Subject::last_step).max().unwrap_or_default();
    0.0..most.max(1) as f64
}

/// The names of the curves by their colours: of several runs theirs, of one `names`.
fn legend(subjects: &[Subject], names: &[(usize, &str)]) -> Markup {
    let names: Vec<_> = match subjects {
        [_] => names.to_vec(),
        subjects => subjects.iter().map(|subject| subject.name.as_str()).enumerate().collect(),
    };
    html! {
        @if !names.is_empty() {
            ul.legend {
                @for (number, name) in &names {
                    li { span.swatch.dashed[chart::is_dashed(*number)] style={ "--colour:" (chart::colour(*number)) } {} (name) }
                }
            }
        }
    }
}

fn figure(title: &str, chart: &Chart, legend: &Markup, words: &str) -> Result<Markup> {
    Ok(html! {
        figure.chart {
            h3 { (title) }
            (legend)
            div role="img" aria-label={ (title) ". " (words) } { (PreEscaped(chart.svg()?)) }
            figcaption { (words) }
        }
    })
}
