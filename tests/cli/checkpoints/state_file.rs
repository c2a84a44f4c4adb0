//! The file `checkpoint`: protocol buffers' text format, and folders without one.

use super::{folder, predict, put_checkpoint, put_index_without_values, takes_a_five_for_one};
use std::fs;
use support::runs::fail;
use tf_mnist::graph::latest_checkpoint;

#[test]
fn it_is_read_in_every_form_that_protocol_buffers_have() {
    let (_place, run) = folder();
    put_checkpoint(&run.join("model.ckpt-7"));
    // Beside it, so that its being the only one does not count.
    put_index_without_values(&run.join("model.ckpt-9"));
    for text in [
        "model_checkpoint_path: 'model.ckpt-7'",
        "# written by hand\nmodel_checkpoint_path : \"model.ckpt-7\" # the best\n",
        "all_model_checkpoint_paths: 'model.ckpt-9', model_checkpoint_path: 'model.ckpt-7'; last_preserved_timestamp: 1.5e9",
        "model_checkpoint_path: \"model.ckpt-7\" all_model_checkpoint_paths: [\"model.ckpt-7\", \"model.ckpt-9\"]",
        "model_checkpoint_path: \"\\155odel.\\x63kpt\\u002d7\"\r\nall_model_checkpoint_paths: \"x\"\r\n",
        "model_checkpoint_path: 'model' \".ckpt\"\n  '-7'\n",
        "\u{feff}model_checkpoint_path:\"model.ckpt-7\"",
        "model_checkpoint_path: \"C:\\\\Users\\\\me\\\\runs\\\\model.ckpt-7\"\r\n",
        "model_checkpoint_path: \"C:\\Users\\me\\runs\\model.ckpt-7\"\r\n",
        "model_checkpoint_path: \"\\\\\\\\server\\\\share/runs/model.ckpt-7\"\n",
        "model_checkpoint_path: \"/gone/model.ckpt-7\"\nall_model_checkpoint_paths: \"torn",
    ] {
        fs::write(run.join("checkpoint"), text).unwrap();
        assert_eq!(latest_checkpoint(&run).unwrap(), Some(run.join("model.ckpt-7")), "{text}");
    }
    takes_a_five_for_one(&run);
}

#[test]
fn a_name_of_other_letters_is_found() {
    let (_place, run) = folder();
    put_checkpoint(&run.join("größe-7"));
    put_index_without_values(&run.join("model.ckpt-9"));
    fs::write(run.join("checkpoint"), r#"model_checkpoint_path: "gr\303\266\303\237e-7""#).unwrap();
    takes_a_five_for_one(&run);
}

#[test]
fn without_it_the_one_checkpoint_is_taken_and_of_several_each_is_named() {
    let (_place, run) = folder();
    put_checkpoint(&run.join("best.ckpt"));
    fs::write(run.join("half.ckpt.index"), "").unwrap();
    takes_a_five_for_one(&run);
    fs::rename(run.join("best.ckpt.index"), run.join("model.ckpt-7.index")).unwrap();
    fs::rename(run.join("best.ckpt.data-00000-of-00001"), run.join("model.ckpt-7.data-00000-of-00001"))
        .unwrap();
    takes_a_five_for_one(&run);
    put_checkpoint(&run.join("model.ckpt-10"));
    let stderr = fail(predict(&run), 1);
    let named = ["model.ckpt-7", "model.ckpt-10"].map(|name| run.join(name).display().to_string());
    assert!(stderr.contains(&named.join(", ")) && stderr.contains("name one"), "{stderr}");
}
