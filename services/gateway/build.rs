//! Puts what the dashboard's build left in `dashboard/dist` into the program: a list of its files, each with its packed siblings.
//! Without a build of it the list is empty, and the server says how to make one.

use std::{
    env,
    error::Error,
    fs,
    hash::{DefaultHasher, Hasher as _},
    path::{Path, PathBuf},
};

/// Beside a file: the same packed.
const PACKED: [&str; 2] = ["br", "gz"];

#[allow(clippy::print_stdout)] // this is how a build script speaks to cargo
fn main() -> Result<(), Box<dyn Error>> {
    // scripts/env says where it is built when the checkout is another user's.
    println!("cargo:rerun-if-env-changed=HOMEPOT_DASHBOARD");
    let built = env::var("HOMEPOT_DASHBOARD").map(PathBuf::from);
    let built =
        built.or_else(|_| env::var("CARGO_MANIFEST_DIR").map(|here| Path::new(&here).join("../../dashboard")))?;
    let dist = built.join("dist");
    // Cargo runs this again when the directory changes. One that is not there would count as changed at every build, so an empty
    // one is made; where that can't be, building takes a moment longer and is right all the same.
    let _ = fs::create_dir_all(&dist);
    println!("cargo:rerun-if-changed={}", dist.display());

    let mut files = Vec::new();
    let dist = dist.canonicalize().unwrap_or(dist);
    if dist.is_dir() {
        collect(&dist, &mut files)?;
    }
    files.sort();
    let list = files.iter().map(|file| entry(&dist, file)).collect::<Result<String, _>>()?;
    fs::write(Path::new(&env::var("OUT_DIR")?).join("dashboard.rs"), format!("&[\n{list}]\n"))?;
    Ok(())
}

/// Every file that is served: no packed ones, and no maps to the source.
fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for found in fs::read_dir(directory)? {
        let path = found?.path();
        if path.is_dir() {
            collect(&path, files)?;
            continue;
        }
        let extension = extension(&path);
        if !PACKED.contains(&extension.as_str()) && extension != "map" {
            files.push(path);
        }
    }
    Ok(())
}

fn extension(path: &Path) -> String {
    path.extension().map(|extension| extension.to_string_lossy().into_owned()).unwrap_or_default()
}

/// A file as a value of `web::dashboard::File`.
fn entry(dist: &Path, file: &Path) -> Result<String, Box<dyn Error>> {
    let path = file.strip_prefix(dist)?.to_str().ok_or("the name of a file of the dashboard is not UTF-8")?;
    // They become routes, which give some other letters a meaning.
    if !path.chars().all(|letter| letter.is_ascii_alphanumeric() || "._-/".contains(letter)) {
        return Err(format!("{path}: a file of the dashboard has a name of A-Z, a-z, 0-9, '.', '_' and '-'").into());
    }
    let mut hasher = DefaultHasher::new();
    hasher.write(&fs::read(file)?);
    let packed = |extension: &str| {
        let mut sibling = file.as_os_str().to_owned();
        sibling.push(".");
        sibling.push(extension);
        let sibling = PathBuf::from(sibling);
        match sibling.is_file() {
            true => format!("Some(include_bytes!({sibling:?}).as_slice())"),
            false => "None".to_owned(),
        }
    };
    let (tag, content_type) = (hasher.finish(), content_type(&extension(file)));
    let (brotli, gzip) = (packed("br"), packed("gz"));
    Ok(format!(
        "File {{ path: {path:?}, content_type: {content_type:?}, tag: \"{tag:016x}\", plain: include_bytes!({file:?}), \
         brotli: {brotli}, gzip: {gzip} }},\n"
    ))
}

fn content_type(extension: &str) -> &'static str {
    match extension {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
