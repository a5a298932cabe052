//! Makes the table of the web UI's files, as `web/dist` holds them. Neither npm nor the network is asked: who wants the UI
//! in the binary builds `web/` before.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let variable = |name: &str| env::var_os(name).map(PathBuf::from).unwrap_or_default();
    let dist = variable("CARGO_MANIFEST_DIR").join("../../web/dist");
    println!("cargo:rerun-if-changed=build.rs");
    // What does not exist would count as changed, at every build.
    if dist.is_dir() {
        println!("cargo:rerun-if-changed={}", dist.display());
    }
    let mut files = BTreeMap::new();
    if env::var_os("CARGO_FEATURE_UI").is_some() && dist.join("index.html").is_file() {
        walk(&dist.canonicalize()?, "", &mut files)?;
    }
    let out = variable("OUT_DIR");
    // Copies: whoever builds the UI anew meanwhile takes nothing away from the compiler.
    let copies = out.join("ui");
    if copies.exists() {
        fs::remove_dir_all(&copies)?;
    }
    fs::create_dir_all(&copies)?;
    for (number, file) in files.values_mut().enumerate() {
        let copy = copies.join(number.to_string());
        fs::copy(&*file, &copy)?;
        *file = copy;
    }
    let mut table = String::from("&[\n");
    for (path, plain) in &files {
        let is_form = |ending: &str| path.strip_suffix(ending).is_some_and(|of| files.contains_key(of));
        if is_form(".br") || is_form(".gz") {
            continue;
        }
        let form = |ending: &str| match files.get(&format!("{path}{ending}")) {
            Some(form) => format!("Some({})", included(form)),
            None => "None".to_owned(),
        };
        let (br, gz) = (form(".br"), form(".gz"));
        let plain = included(plain);
        writeln!(table, "    File {{ path: {path:?}, plain: {plain}, br: {br}, gz: {gz} }},")
            .map_err(io::Error::other)?;
    }
    fs::write(out.join("ui_files.rs"), table + "]\n")
}

/// What puts a file's bytes into the binary.
fn included(file: &Path) -> String {
    format!("include_bytes!({:?})", file.to_string_lossy())
}

/// Adds what is in a folder, by its path below `web/dist`; hidden files are not for browsers.
fn walk(folder: &Path, below: &str, files: &mut BTreeMap<String, PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let path = format!("{below}/{name}");
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), &path, files)?;
        } else {
            files.insert(path, entry.path());
        }
    }
    Ok(())
}
