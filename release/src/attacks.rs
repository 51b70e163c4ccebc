//! Every way in which others were fooled, tried on ours: each is refused, and by name.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use crate::{
    Device, Digest, Envelope, Kind, Known, Manifest, PrivateKey, Refused, TrustedRoot, VerifiedManifest,
    key::KeyId,
    manifest::{File, Limits, Selector},
    root::{Role, Root},
    verify, wire,
};

const NOW: u64 = 1_000_000;

/// Four people: three sign roots, two of whom have to; the last two sign releases, and both have to.
struct People(Vec<PrivateKey>);

impl People {
    fn new() -> Self {
        Self((0..4).map(|_| PrivateKey::generate().unwrap()).collect())
    }

    fn ids(&self, which: &[usize]) -> BTreeSet<KeyId> {
        which.iter().map(|n| self.0[*n].public().id()).collect()
    }

    fn root(&self, version: u64) -> Root {
        Root {
            version,
            expires: NOW + 1_000,
            keys: self.0.iter().map(|key| (key.public().id(), key.public())).collect(),
            root: Role { threshold: 2, keys: self.ids(&[0, 1, 2]) },
            release: Role { threshold: 2, keys: self.ids(&[2, 3]) },
        }
    }

    fn sign(&self, kind: Kind, payload: Vec<u8>, by: &[usize]) -> Envelope {
        let mut envelope = Envelope::new(kind, payload);
        by.iter().for_each(|n| envelope.sign(kind, &self.0[*n]).unwrap());
        envelope
    }

    fn signed_root(&self, root: &Root, by: &[usize]) -> Vec<u8> {
        self.sign(Kind::Root, root.encode(), by).encode()
    }

    fn trusted(&self) -> TrustedRoot {
        TrustedRoot::first(&self.signed_root(&self.root(1), &[0, 1])).unwrap()
    }

    fn release(&self, manifest: &Manifest) -> Vec<u8> {
        self.sign(Kind::Release, manifest.encode(), &[2, 3]).encode()
    }
}

fn manifest() -> Manifest {
    Manifest {
        name: "pos-config".to_owned(),
        version: "1".to_owned(),
        counter: 7,
        created: NOW - 10,
        expires: NOW + 100,
        selector: Selector::default(),
        files: vec![file("pos-config")],
        variables: Vec::new(),
        validators: Vec::new(),
        health: Vec::new(),
        mend_drift: false,
    }
}

fn file(target: &str) -> File {
    File { target: target.to_owned(), sha256: Digest::of(b"x"), size: 1, template: false }
}

fn device() -> Device {
    Device {
        id: "till-7".to_owned(),
        site: "site-1".to_owned(),
        device_type: "pos_terminal".to_owned(),
        labels: BTreeMap::from([("ring".to_owned(), "canary".to_owned())]),
        ..Device::default()
    }
}

fn name<T: std::fmt::Debug>(result: Result<T, Refused>) -> &'static str {
    result.unwrap_err().name()
}

fn is_refused(manifest: &Manifest, device: &Device) -> &'static str {
    let people = People::new();
    name(verify::verify(&people.trusted(), &people.release(manifest), device, NOW))
}

fn accepted(people: &People, manifest: &Manifest, device: &Device) -> VerifiedManifest {
    verify::verify(&people.trusted(), &people.release(manifest), device, NOW).unwrap()
}

#[test]
fn a_good_release_is_verified_and_named_by_what_was_signed() {
    let verified = accepted(&People::new(), &manifest(), &device());
    assert_eq!(verified.manifest(), &manifest());
    assert_eq!(verified.digest(), Digest::of(&manifest().encode()));
}

#[test]
fn every_tampered_release_is_refused_by_name() {
    let people = People::new();
    let good = || people.sign(Kind::Release, manifest().encode(), &[2, 3]);
    let with = |change: &dyn Fn(&mut wire::Envelope)| {
        let mut envelope = good();
        change(envelope.raw());
        envelope.encode()
    };
    let stranger = PrivateKey::generate().unwrap();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("malformed", Vec::from(b"\xff\xff")),
        ("malformed", [good().encode(), vec![0x22, 0]].concat()),
        ("malformed", vec![0; crate::envelope::MAX_BYTES + 1]),
        ("malformed", with(&|envelope| envelope.signatures[0].key_id.truncate(7))),
        ("malformed", with(&|envelope| envelope.signatures = vec![envelope.signatures[0].clone(); 33])),
        ("malformed", people.sign(Kind::Release, b"\x0a\xff".to_vec(), &[2, 3]).encode()),
        ("malformed", people.sign(Kind::Release, Vec::new(), &[2, 3]).encode()),
        ("unsigned", with(&|envelope| envelope.signatures.clear())),
        ("empty_signature", with(&|envelope| envelope.signatures[0].signature.clear())),
        ("empty_signature", with(&|envelope| envelope.signatures[1].signature = vec![0; 64])),
        ("empty_signature", with(&|envelope| envelope.signatures[1].signature.truncate(63))),
        ("empty_signature", with(&|envelope| envelope.signatures[0].signature.push(0))),
        ("bad_signature", with(&|envelope| envelope.payload.push(0))),
        ("bad_signature", with(&|envelope| envelope.signatures[0].signature = vec![1; 64])),
        (
            "bad_signature",
            with(&|envelope| {
                let other = envelope.signatures[1].signature.clone();
                envelope.signatures[0].signature = other;
            }),
        ),
        // The signatures are good, and those of something else.
        ("bad_signature", with(&|envelope| envelope.payload = Manifest { counter: 8, ..manifest() }.encode())),
        // One key, twice: with its own id, and with the id of the other.
        ("too_few_signatures", with(&|envelope| envelope.signatures[1] = envelope.signatures[0].clone())),
        (
            "bad_signature",
            with(&|envelope| {
                let first = envelope.signatures[0].signature.clone();
                envelope.signatures[1].signature = first;
            }),
        ),
        // Keys of the root that may not sign releases, and a key that nobody knows.
        ("too_few_signatures", people.sign(Kind::Release, manifest().encode(), &[0, 1]).encode()),
        ("too_few_signatures", people.sign(Kind::Release, manifest().encode(), &[0, 1, 2]).encode()),
        ("too_few_signatures", {
            let mut envelope = people.sign(Kind::Release, manifest().encode(), &[2]);
            envelope.sign(Kind::Release, &stranger).unwrap();
            envelope.encode()
        }),
        // A root in place of a release: as it is, and with another name on it.
        ("wrong_kind", people.sign(Kind::Root, manifest().encode(), &[2, 3]).encode()),
        ("wrong_kind", with(&|envelope| envelope.kind = "rooot".to_owned())),
        ("bad_signature", {
            let mut envelope = people.sign(Kind::Root, manifest().encode(), &[2, 3]);
            envelope.raw().kind = "release".to_owned();
            envelope.encode()
        }),
    ];
    for (n, (expected, bytes)) in cases.iter().enumerate() {
        let result = verify::verify(&people.trusted(), bytes, &device(), NOW);
        assert_eq!(name(result), *expected, "case {n}");
    }
}

#[test]
fn every_signed_release_that_must_not_be_installed_is_refused_by_name() {
    let files = |files: Vec<File>| Manifest { files, ..manifest() };
    let select = |selector: Selector| Manifest { selector, ..manifest() };
    let list = |text: &str| vec![text.to_owned()];
    let sized = |size, template| File { size, template, ..file("a") };
    let limits = Limits::default();
    let cases = vec![
        ("expired", Manifest { expires: NOW, ..manifest() }),
        ("malformed", Manifest { expires: NOW - 10, ..manifest() }),
        ("malformed", Manifest { counter: 0, ..manifest() }),
        ("malformed", Manifest { name: "../x".to_owned(), ..manifest() }),
        ("malformed", Manifest { version: "1\u{1b}[2J".to_owned(), ..manifest() }),
        ("malformed", Manifest { health: list("/bin/sh"), ..manifest() }),
        ("malformed", Manifest { validators: list("a b"), ..manifest() }),
        ("no_files", files(Vec::new())),
        ("duplicate_target", files(vec![file("a"), file("a")])),
        ("bad_target", files(vec![file("")])),
        ("bad_target", files(vec![file("../../etc/shadow")])),
        ("bad_target", files(vec![file("/etc/shadow")])),
        ("bad_target", files(vec![file("a\0b")])),
        ("bad_target", files(vec![file("A")])),
        ("bad_target", files(vec![file(&"a".repeat(65))])),
        ("file_too_large", files(vec![sized(limits.file + 1, false)])),
        ("file_too_large", files(vec![sized(1 << 31, false)])),
        ("file_too_large", files(vec![sized(u64::MAX, false)])),
        ("file_too_large", files(vec![sized(limits.template + 1, true)])),
        ("release_too_large", files((0..5).map(|n| File { size: limits.file, ..file(&format!("t{n}")) }).collect())),
        ("not_for_this_device", select(Selector { devices: list("till-8"), ..Selector::default() })),
        ("not_for_this_device", select(Selector { sites: list("site-2"), ..Selector::default() })),
        ("not_for_this_device", select(Selector { device_types: list("printer"), ..Selector::default() })),
        (
            "not_for_this_device",
            select(Selector { labels: BTreeMap::from([("ring".to_owned(), "all".to_owned())]), ..Selector::default() }),
        ),
    ];
    for (n, (expected, manifest)) in cases.iter().enumerate() {
        assert_eq!(is_refused(manifest, &device()), *expected, "case {n}");
    }
    let own = Selector {
        sites: list("site-1"),
        labels: device().labels,
        device_types: list("pos_terminal"),
        devices: list("till-7"),
    };
    accepted(&People::new(), &select(own), &device());
}

#[test]
fn sizes_that_overflow_are_too_large() {
    let limits = Limits { file: u64::MAX, release: u64::MAX, template: u64::MAX };
    let large = |target: &str| File { size: u64::MAX, ..file(target) };
    let manifest = Manifest { files: vec![large("a"), large("b")], ..manifest() };
    assert_eq!(name(manifest.check(limits)), "release_too_large");
}

#[test]
fn an_older_release_never_comes_back() {
    let people = People::new();
    let digest = accepted(&people, &manifest(), &device()).digest();
    let other = Digest::of(b"another release");
    let with = |counter, digest, installed| {
        let known = Known { highest: Some((counter, digest)), installed };
        Device { known: BTreeMap::from([("pos-config".to_owned(), known)]), ..device() }
    };
    assert_eq!(is_refused(&manifest(), &with(8, other, None)), "older");
    assert_eq!(is_refused(&manifest(), &with(7, other, None)), "counter_reused");
    accepted(&people, &manifest(), &with(7, digest, Some(digest)));
    accepted(&people, &manifest(), &with(6, other, Some(other)));
    // Rolled back from 8 to what is offered: it is installed already.
    accepted(&people, &manifest(), &with(8, other, Some(digest)));
    // One of two targets is enough.
    let two = Manifest { files: vec![file("a"), file("pos-config")], ..manifest() };
    assert_eq!(is_refused(&two, &with(8, other, None)), "older");
}

#[test]
fn what_a_newer_program_made_is_refused_as_a_whole() {
    use prost::Message as _;
    let people = People::new();
    let newer = |bytes: Vec<u8>| {
        // Field 1, the format, given once more: the last one counts.
        [bytes, vec![0x08, 2]].concat()
    };
    let release = people.sign(Kind::Release, newer(manifest().encode()), &[2, 3]).encode();
    assert_eq!(name(verify::verify(&people.trusted(), &release, &device(), NOW)), "unknown_format");
    let root = people.sign(Kind::Root, newer(people.root(2).encode()), &[0, 1]).encode();
    assert_eq!(name(people.trusted().next(&root)), "unknown_format");
    let none = wire::Manifest { format: 0, ..wire::Manifest::decode(&manifest().encode()[..]).unwrap() };
    let none = people.sign(Kind::Release, none.encode_to_vec(), &[2, 3]).encode();
    assert_eq!(name(verify::verify(&people.trusted(), &none, &device(), NOW)), "malformed");
}

#[test]
fn an_expired_root_refuses_new_installs_and_can_still_be_replaced() {
    let people = People::new();
    let trusted = people.trusted();
    let late = NOW + 1_000;
    let release = people.release(&Manifest { expires: late + 1_000, ..manifest() });
    verify::verify(&trusted, &release, &device(), late - 1).unwrap();
    assert_eq!(name(verify::verify(&trusted, &release, &device(), late)), "root_expired");
    let next = Root { expires: late + 10, ..people.root(2) };
    let trusted = trusted.next(&people.signed_root(&next, &[0, 2])).unwrap();
    verify::verify(&trusted, &release, &device(), late).unwrap();
    assert_eq!(TrustedRoot::first(trusted.encode()).unwrap().root(), &next, "it is read again as it was kept");
}

#[test]
fn every_tampered_root_is_refused_by_name() {
    let (people, others) = (People::new(), People::new());
    let trusted = people.trusted();
    let next = people.root(2);
    trusted.next(&people.signed_root(&next, &[0, 1])).unwrap();
    // All keys are new: the old ones and the new ones have to sign.
    let handover = |old: &[usize], new: &[usize]| {
        let mut envelope = people.sign(Kind::Root, others.root(2).encode(), old);
        new.iter().for_each(|n| envelope.sign(Kind::Root, &others.0[*n]).unwrap());
        envelope.encode()
    };
    let handed = trusted.next(&handover(&[0, 1], &[1, 2])).unwrap();
    verify::verify(&handed, &others.release(&manifest()), &device(), NOW).unwrap();
    assert_eq!(name(verify::verify(&handed, &people.release(&manifest()), &device(), NOW)), "too_few_signatures");

    let wire = |change: &dyn Fn(&mut wire::Root)| {
        use prost::Message as _;
        let mut root = wire::Root::decode(&next.encode()[..]).unwrap();
        change(&mut root);
        people.sign(Kind::Root, root.encode_to_vec(), &[0, 1]).encode()
    };
    let signed = |version| people.signed_root(&people.root(version), &[0, 1]);
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("root_out_of_order", signed(1)),
        ("root_out_of_order", signed(3)),
        ("root_out_of_order", signed(u64::MAX)),
        ("too_few_signatures", people.signed_root(&next, &[0])),
        ("too_few_signatures", people.signed_root(&next, &[0, 3])),
        ("too_few_signatures", handover(&[0, 1], &[1])),
        ("too_few_signatures", handover(&[0], &[1, 2])),
        ("too_few_signatures", handover(&[], &[0, 1, 2, 3])),
        ("unsigned", people.signed_root(&next, &[])),
        ("wrong_kind", people.sign(Kind::Release, next.encode(), &[0, 1]).encode()),
        ("malformed", wire(&|root| root.root.as_mut().unwrap().threshold = 0)),
        ("malformed", wire(&|root| root.release.as_mut().unwrap().threshold = 0)),
        ("malformed", wire(&|root| root.root.as_mut().unwrap().threshold = 4)),
        ("malformed", wire(&|root| root.root = None)),
        ("malformed", wire(&|root| root.version = 0)),
        ("malformed", wire(&|root| root.expires = 0)),
        // One key under one role twice, and once more in the list of keys.
        (
            "malformed",
            wire(&|root| {
                let role = root.root.as_mut().unwrap();
                role.key_ids = vec![role.key_ids[0].clone(); 2];
            }),
        ),
        ("malformed", wire(&|root| root.keys.push(root.keys[0].clone()))),
        ("malformed", wire(&|root| root.keys = vec![vec![1; 31]])),
        ("malformed", wire(&|root| drop(root.keys.pop()))),
        ("weak_key", wire(&|root| root.keys[0] = vec![0; 32])),
    ];
    for (n, (expected, bytes)) in cases.iter().enumerate() {
        assert_eq!(name(trusted.next(bytes)), *expected, "case {n}");
    }
    // The first root has to meet its own threshold.
    assert_eq!(name(TrustedRoot::first(&people.signed_root(&next, &[0]))), "too_few_signatures");
    assert_eq!(name(TrustedRoot::first(&people.release(&manifest()))), "wrong_kind");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// No bit of an envelope can change without a refusal.
    #[test]
    fn any_flipped_bit_is_refused(place in any::<prop::sample::Index>(), bit in 0..8, is_root in any::<bool>()) {
        let people = People::new();
        let trusted = people.trusted();
        let mut bytes = if is_root { people.signed_root(&people.root(2), &[1, 2]) } else { people.release(&manifest()) };
        let place = place.index(bytes.len());
        bytes[place] ^= 1_u8 << bit;
        if is_root {
            prop_assert!(trusted.next(&bytes).is_err());
        } else {
            prop_assert!(verify::verify(&trusted, &bytes, &device(), NOW).is_err());
        }
    }

    /// Nothing that somebody makes up is taken, and nothing panics.
    #[test]
    fn any_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(verify::verify(&People::new().trusted(), &bytes, &device(), NOW).is_err());
        prop_assert!(TrustedRoot::first(&bytes).is_err());
        // What it takes, it says again in the same bytes.
        if let Ok(read) = Manifest::decode(&bytes, Limits::default()) {
            let again = Manifest::decode(&read.encode(), Limits::default()).unwrap();
            prop_assert_eq!(again, read);
        }
    }
}
