//! Inputs to begin with: real ones, those that once failed, and those that earlier runs found.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Target;

/// The files of a folder below the project's root whose names end so, in order.
///
/// # Panics
///
/// Without that folder.
pub fn files(folder: &str, suffix: &str) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(root().join(folder)).expect("the project's folder is complete");
    let mut paths: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_file() && path.to_string_lossy().ends_with(suffix))
        .collect();
    paths.sort();
    paths
        .iter()
        .filter_map(|path| fs::read(path).ok())
        .collect()
}

/// What a target begins with: its seeds and every input that once made it fail.
pub fn seeds(target: &Target) -> Vec<Vec<u8>> {
    let mut seeds = (target.seeds)();
    let crashes = format!("fuzz/crashes/{}", target.name);
    if root().join(&crashes).is_dir() {
        seeds.extend(files(&crashes, ""));
    }
    assert!(!seeds.is_empty(), "there are inputs to begin with");
    seeds
}

/// What earlier runs found; kept on this machine only.
pub fn found(target: &Target) -> Vec<Vec<u8>> {
    let folder = format!("fuzz/corpus/{}", target.name);
    if root().join(&folder).is_dir() {
        files(&folder, "")
    } else {
        Vec::new()
    }
}

/// Keeps what a run found for the next one.
pub fn keep(target: &Target, inputs: &[Vec<u8>]) {
    let folder = root().join("fuzz/corpus").join(target.name);
    let _ = fs::create_dir_all(&folder);
    for (number, input) in inputs.iter().enumerate() {
        // A corpus that cannot be kept costs the next run a little time.
        let _ = fs::write(folder.join(format!("{number:05}")), input);
    }
}

/// Writes an input that failed. Says where.
pub fn keep_failed(target: &Target, input: &[u8]) -> String {
    let folder = root().join("fuzz/corpus");
    let _ = fs::create_dir_all(&folder);
    let path = folder.join(format!("{}-failed", target.name));
    match fs::write(&path, input) {
        Ok(()) => path.display().to_string(),
        Err(error) => error.to_string(),
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
