//! The program as its users run it, and what it leaves.

mod checkpoints;
mod damaged_models;
mod damaged_runs;
mod data_folders;
mod dataset;
mod describe;
mod disk_faults;
mod draw;
mod evaluate;
mod export;
mod export_disk_faults;
mod fault_sweep;
mod files;
mod hostile_input;
mod hostile_pictures;
mod long_run;
mod meta_graph;
mod networks;
mod predict;
mod predict_inputs;
mod predict_surroundings;
mod replicas;
mod report;
mod resume;
mod saved_model;
mod tensorboard;
mod training;
mod workers;

support::open_tensorflow_before_main!(support::options());
