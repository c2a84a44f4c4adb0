//! The page: what stands on it, in order. maud escapes all that comes from a run.

use super::subject::{Subject, percent, shown};
use super::test::{Filters, Test};
use super::{comparison, figures};
use anyhow::Result;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use tf_mnist::classifier::Misclassified;
use tf_mnist::drawing::Picture;
use tf_mnist::model::summary::Summary;
use tf_mnist::training::RunDirectory;

/// What every page begins with, and hardly any other file.
pub const START: &str = "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"generator\" content=\"tf-mnist report\">";

/// As many misread images are shown, the surest first.
const SHOWN: usize = 200;

/// The whole page.
pub fn page(subjects: &[Subject]) -> Result<Markup> {
    let names: Vec<_> = subjects.iter().map(|subject| subject.name.as_str()).collect();
    let title = names.join(", ");
    let several = subjects.len() > 1;
    Ok(html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="generator" content="tf-mnist report";
                meta http-equiv="Content-Security-Policy"
                    content="default-src 'none'; img-src data:; style-src 'unsafe-inline'";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(include_str!("page.css"))) }
            }
            body {
                header { h1 { (title) } }
                main {
                    @if several { (comparison::section(subjects)?) }
                    @for subject in subjects { (run(subject, several)?) }
                }
                footer { p { "Written by tf-mnist " (env!("CARGO_PKG_VERSION")) "." } }
            }
        }
    })
}

fn run(subject: &Subject, several: bool) -> Result<Markup> {
    let alone = std::slice::from_ref(subject);
    let (parameters, network) = network(subject);
    Ok(html! {
        section {
            @if several { h2 { (subject.name) } }
            p.lead {
                strong { (subject.test_accuracy()) } " on the test set. "
                (subject.config.network.name) ", " (parameters) " parameters, " (subject.state_in_words()) "."
            }
            @if let Err(reason) = &subject.test {
                p.missing { "What the test set would show is missing: " (reason) "." }
            }
            @if let Some(damage) = &subject.damage {
                p.missing { (damage) ". What else it tells is shown." }
            }
            @if subject.losses.is_empty() {
                p.missing { "There is no curve yet: no step is done." }
            } @else if !several {
                (figures::loss(alone)?)
            }
            @if subject.validations.is_empty() {
                p.missing { "It has not been validated yet." }
            } @else if !several {
                (figures::accuracy(alone)?)
            }
            @if let Ok(test) = &subject.test { (tested(subject, test)?) }
            h2 { "What it is" }
            (network)
            (options(subject))
        }
    })
}

/// The number of parameters, and the table of layers.
fn network(subject: &Subject) -> (u64, Markup) {
    let summary = Summary::of(&subject.config.network);
    let table = html! {
        div.scroll { table {
            caption { "The network, from images of " (summary.input_shape) }
            thead { tr {
                th { "layer" } th { "computes" } th { "output" }
                th.number { "trainable" } th.number { "moving averages" }
            } }
            tbody {
                @for layer in &summary.layers {
                    tr {
                        th scope="row" { (layer.name) }
                        td { (layer.computes()) }
                        td { (layer.output_shape) }
                        td.number { (layer.trainable_parameters) }
                        td.number { (layer.moving_averages) }
                    }
                }
            }
        } }
    };
    (summary.totals.trainable_parameters, table)
}

fn options(subject: &Subject) -> Markup {
    let config = &subject.config;
    let versions = &config.versions;
    let session = &config.session;
    let time =
        RunDirectory::elapsed(&subject.folder).map(|time| format!("{:.0} s of training", time.as_secs_f64()));
    let device = format!("device {}", session.device);
    let mut machine = vec![versions.processor.as_str(), &versions.target, &device];
    machine.retain(|part| !part.is_empty()); // runs of earlier versions do not tell all
    let places = [
        ("tf-mnist", format!("{} {}", versions.tf_mnist, versions.commit)),
        ("TensorFlow", versions.tensorflow.clone()),
        ("machine", machine.join(", ")),
        (
            "threads",
            format!(
                "{} inside an operation, {} operations at once (0: one a processor)",
                session.intra_op_threads, session.inter_op_threads
            ),
        ),
        ("time", time.unwrap_or_else(|| "not known: no state was saved".to_owned())),
    ];
    html! {
        details {
            summary { "Options, versions, machine, time" }
            div.scroll { table { tbody {
                @for (name, value) in &config.options() { tr { th scope="row" { (name) } td { (shown(value)) } } }
                @for (name, value) in &places { tr { th scope="row" { (name) } td { (value) } } }
            } } }
        }
    }
}

fn tested(subject: &Subject, test: &Test) -> Result<Markup> {
    let evaluation = &test.evaluation;
    let (low, high) = interval(evaluation.correct(), evaluation.rows());
    let differs = subject.measured.as_ref().is_some_and(|(measured, checkpoint)| {
        *checkpoint == test.checkpoint && (measured - evaluation.accuracy()).abs() > 1e-9
    });
    let misread = evaluation.most_confident_errors();
    Ok(html! {
        h2 { "The test" }
        p {
            (test.checkpoint) " tells " (evaluation.correct()) " of " (evaluation.rows()) " images right: "
            strong { (percent(evaluation.accuracy())) } ". Of other images written by such hands, "
            (percent(low)) " to " (percent(high)) " would be (95% interval, Wilson's). The mean loss is "
            (format!("{:.4}", evaluation.mean_loss())) "."
        }
        @if differs {
            p.missing { "The run itself measured " (subject.test_accuracy())
                ": the accuracy was measured on other logits, or the data set is another now." }
        }
        (confusion(test))
        (classes(test))
        (figures::reliability(&evaluation.reliability)?)
        h3 { "Misread images, the surest first" }
        @if misread.is_empty() { p { "None." } }
        @else if misread.len() > SHOWN { p { "The first " (SHOWN) " of " (misread.len()) "." } }
        div.cards { @for misread in misread.iter().take(SHOWN) { (card(test, misread)) } }
        @if let Some(filters) = &test.filters { (pictures(filters)) }
    })
}

fn confusion(test: &Test) -> Markup {
    let confusion = &test.evaluation.confusion;
    html! {
        div.scroll { table.confusion {
            caption { "Row: what an image is. Column: what it was taken for. Darker: a larger share of the row." }
            thead { tr { td {} @for class in 0..confusion.len() { th scope="col" { (test.label(class)) } } } }
            tbody { @for (class, counts) in confusion.iter().enumerate() {
                @let all = counts.iter().sum::<u64>().max(1);
                tr {
                    th scope="row" { (test.label(class)) }
                    @for (other, &count) in counts.iter().enumerate() {
                        // By the root, so that rare errors show.
                        @let share = (count as f64 / all as f64).sqrt();
                        td class=(if class == other { "right" } else { "wrong" })
                            style={ "--share:" (format!("{:.0}%", 100.0 * share)) } {
                            @if count > 0 { (count) }
                        }
                    }
                }
            } }
        } }
    }
}

fn classes(test: &Test) -> Markup {
    let evaluation = &test.evaluation;
    let share = |share: Option<f64>| share.map_or_else(|| "none".to_owned(), percent);
    html! {
        div.scroll { table {
            caption { "Precision: of the images taken for a digit, the share that are. Recall: of a digit's images, the share found." }
            thead { tr { th { "digit" } th.number { "images" } th.number { "precision" } th.number { "recall" } } }
            tbody { @for class in 0..evaluation.confusion.len() { tr {
                th scope="row" { (test.label(class)) }
                td.number { (evaluation.count(class)) }
                td.number { (share(evaluation.precision(class))) }
                td.number { (share(evaluation.recall(class))) }
            } } }
        } }
    }
}

fn card(test: &Test, misread: &Misclassified) -> Markup {
    let (is, predicted) = (test.label(misread.label), test.label(misread.predicted));
    let picture = Picture::of_gray(test.split.image(misread.row), test.split.image_size(), 1);
    html! {
        figure.card {
            img src=(picture.to_data_url()) width="84" height="84" alt={ "Test image " (misread.row) };
            figcaption {
                "a " strong { (is) } ", taken for " strong { (predicted) }
                span.quiet { " image " (misread.row) }
                span.bars {
                    @for (class, &probability) in misread.probabilities.iter().enumerate() {
                        @let label = test.label(class);
                        @let written = percent(f64::from(probability));
                        span.bar title={ (label) ": " (written) }
                            style={ "--height:" (format!("{:.1}%", 100.0 * probability)) } { i {} (label) }
                    }
                }
                span.quiet { (percent(f64::from(misread.confidence()))) " sure; "
                    (percent(f64::from(misread.probabilities[misread.label]))) " for " (is) }
            }
        }
    }
}

fn pictures(filters: &Filters) -> Markup {
    let [height, width, count] = filters.shape;
    let greatest = filters.values.iter().fold(f32::MIN_POSITIVE, |greatest, value| greatest.max(value.abs()));
    let gray = |value: f32| (127.5 + 127.5 * value / greatest).round() as u8;
    let filter = |number: usize| {
        let values = filters.values.iter().skip(number).step_by(count);
        Picture::of_gray(&values.map(|&value| gray(value)).collect::<Vec<_>>(), [height, width], 1)
    };
    html! {
        h3 { "The filters of " (filters.name) }
        p { "Each of " (height) " by " (width) " weights. White adds where there is ink, black takes away, gray does not care." }
        div.filters { @for number in 0..count {
            img src=(filter(number).to_data_url()) width="48" height="48" alt={ "filter " (number) };
        } }
    }
}

/// Wilson's interval of a share, 95%: E. B. Wilson, 1927.
fn interval(right: u64, all: u64) -> (f64, f64) {
    const Z: f64 = 1.959_963_984_540_054;
    let all = all.max(1) as f64;
    let share = right as f64 / all;
    let middle = share + Z * Z / (2.0 * all);
    let half = Z * (share * (1.0 - share) / all + Z * Z / (4.0 * all * all)).sqrt();
    let over = 1.0 + Z * Z / all;
    ((middle - half) / over, (middle + half) / over)
}

#[cfg(test)]
mod tests {
    use super::interval;

    /// As SciPy's `binomtest(9894, 10000).proportion_ci(method="wilson")` has it, and where every image is right.
    #[test]
    fn the_interval_is_wilson_s() {
        let (low, high) = interval(9894, 10_000);
        assert!((low - 0.987_196_493).abs() < 1e-9 && (high - 0.991_227_649).abs() < 1e-9, "{low} {high}");
        let (low, high) = interval(10_000, 10_000);
        assert!((low - 0.999_616_002).abs() < 1e-9 && (high - 1.0).abs() < 1e-12, "{low} {high}");
    }
}
