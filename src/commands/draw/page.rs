//! The page before anything is drawn. maud escapes what comes from the model.

use super::reader::{MAX_PICTURE_BYTES, Reader};
use maud::{DOCTYPE, Markup, html};

/// The page.
pub fn page(reader: &Reader) -> Markup {
    let [height, width] = reader.target.image_size;
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Draw a digit - tf-mnist" }
                link rel="icon" href="data:,";
                link rel="stylesheet" href="page.css";
                script type="module" src="page.js" {}
            }
            body {
                header {
                    h1 { "Draw a digit" }
                    p.quiet {
                        @if let Some(table) = reader.classifier.table() {
                            "The network " strong { (table.name) } " of "
                        }
                        (reader.classifier.path().display()) " says what it is."
                    }
                }
                main {
                    section.drawing aria-label="Drawing" {
                        canvas #paper data-max-bytes=(MAX_PICTURE_BYTES) role="img"
                            aria-label="Paper to draw on, with mouse, finger or pen" {}
                        p #hint.quiet aria-hidden="true" { "Draw here, or drop a picture" }
                        div.buttons {
                            button #clear type="button" aria-keyshortcuts="Escape" { "Clear" }
                            button #undo type="button" aria-keyshortcuts="Control+Z" { "Undo" }
                            button #choose type="button" { "Open a picture" }
                            input #file type="file" accept="image/png,image/jpeg" aria-label="A picture of a digit" hidden;
                        }
                    }
                    section.answer aria-label="Answer" {
                        p #trouble role="alert" hidden {}
                        div.said {
                            p #likeliest aria-hidden="true" { "?" }
                            figure {
                                div.frame { img #seen alt="The picture as the network sees it" hidden; }
                                figcaption.quiet { "The network sees" br; (width) " x " (height) " pixels" }
                            }
                        }
                        p #spoken.unseen role="status" {}
                        ul #warnings aria-label="Warnings" {}
                        table {
                            caption.quiet { "How likely it is" }
                            tbody #probabilities {
                                @for label in reader.labels.clone() {
                                    tr {
                                        th scope="row" { (label) }
                                        td.track aria-hidden="true" { span.bar {} }
                                        td.share { "" }
                                    }
                                }
                            }
                        }
                    }
                }
                noscript { p { "This page needs its script to draw." } }
            }
        }
    }
}
