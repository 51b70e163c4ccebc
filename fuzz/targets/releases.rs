//! Whatever bytes come as a root or a release: nothing is trusted that nobody signed, and what was read is written as it was read.
#![no_main]

use homepot_release::{
    CheckedValues, Device, Envelope, Manifest, TrustedRoot, manifest::Limits, render, root::Root, verify::verify,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((kind, bytes)) = input.split_first() else { return };
    match kind % 5 {
        0 => envelope(bytes),
        1 => manifest(bytes),
        2 => root(bytes),
        3 => drop(render::render(bytes, &CheckedValues::default())),
        _ => drop(CheckedValues::decode_own(bytes)),
    }
});

fn envelope(bytes: &[u8]) {
    let Ok(envelope) = Envelope::decode(bytes) else { return };
    assert_eq!(envelope.encode(), bytes, "there is one form of each envelope");
    // It would be a first root if it were signed by keys of its own: no fuzzer signs.
    let Ok(root) = TrustedRoot::first(bytes) else { return };
    assert!(root.next(bytes).is_err(), "no root follows itself");
    assert!(verify(&root, bytes, &Device::default(), 0).is_err(), "no root is a release");
}

fn manifest(bytes: &[u8]) {
    let limits = Limits::default();
    let Ok(manifest) = Manifest::decode(bytes, limits) else { return };
    assert_eq!(Manifest::decode(&manifest.encode(), limits).expect("it was good before"), manifest);
    assert!(manifest.files.iter().all(|file| file.size <= limits.file && !file.target.contains(['/', '.'])));
}

fn root(bytes: &[u8]) {
    let Ok(root) = Root::decode(bytes) else { return };
    assert!(root.root.threshold > 0 && root.release.threshold > 0);
    assert_eq!(Root::decode(&root.encode()).expect("it was good before"), root);
}
