//! Which values a device gets for a release, and whether it can be given the release at all. Plans and rollouts ask here, so both
//! say the same.

use std::{collections::BTreeMap, sync::Arc};

use homepot::{
    Error,
    model::{Faults, PlannedValue, Release, ValueOrigin, VariableName},
};
use homepot_release::{
    Envelope, Manifest,
    manifest::Limits,
    value::{self, Variable},
};
use homepot_store::{
    PgConnection, StoreError,
    rollouts::{Candidate, Settled, ToldValues},
    values::{self as rows, Content, StoredValue, Values},
};

use super::seal::{Purpose, Seals};

/// All values of a device, as texts.
const MAX_BYTES: usize = 48 << 10;

/// Settles the values of devices for one release.
#[derive(Clone)]
pub(crate) struct Settler {
    seals: Arc<Seals>,
    release: Release,
    variables: Arc<[Variable]>,
}

/// The value of a variable on a device. It may be a secret, and has no `Debug`.
pub(crate) struct Given {
    variable: String,
    text: String,
    is_secret: bool,
    origin: ValueOrigin,
}

impl Settler {
    /// For a release, as it was signed.
    pub(crate) fn new(seals: Arc<Seals>, release: Release, signed: &[u8]) -> Result<Self, Error> {
        let manifest =
            Envelope::decode(signed).and_then(|envelope| Manifest::decode(envelope.payload(), Limits::default()));
        let manifest = manifest.map_err(|refused| {
            tracing::error!(release_id = %release.release_id, %refused, "a release that was kept can't be read");
            Error::internal()
        })?;
        Ok(Self { seals, release, variables: manifest.variables.into() })
    }

    /// The release.
    pub(crate) fn release(&self) -> &Release {
        &self.release
    }

    /// For each of these devices, in the same order: its values, or why it is left out.
    pub(crate) fn settle(
        &self,
        conn: &mut PgConnection,
        candidates: &[Candidate],
    ) -> Result<Vec<Result<Vec<Given>, String>>, StoreError> {
        let names: Vec<&str> = self.variables.iter().map(|variable| variable.name.as_str()).collect();
        let values = rows::of_devices(conn, &names, candidates.iter().map(|candidate| &candidate.device))?;
        let settle = |candidate: &Candidate| match why_left_out(candidate, &self.release) {
            Some(reason) => Err(reason),
            None => self.values_of(candidate, &values),
        };
        Ok(candidates.iter().map(settle).collect())
    }

    /// The same, as a rollout keeps it.
    pub(crate) fn settle_sealed(
        &self,
        conn: &mut PgConnection,
        candidates: &[Candidate],
    ) -> Result<Vec<Settled>, StoreError> {
        let settled = self.settle(conn, candidates)?.into_iter().zip(candidates);
        let sealed = settled.map(|(settled, candidate)| match settled {
            Ok(given) => Ok(Ok(self.seal(candidate.device.pk, &given)?)),
            Err(reason) => Ok(Err(reason)),
        });
        sealed.collect()
    }

    fn seal(&self, device: i64, given: &[Given]) -> Result<Option<Vec<u8>>, Error> {
        if given.is_empty() {
            return Ok(None);
        }
        let texts: BTreeMap<&str, &str> =
            given.iter().map(|given| (given.variable.as_str(), given.text.as_str())).collect();
        let bytes = serde_json::to_vec(&texts).map_err(|_| Error::internal())?;
        let purpose = Purpose::Told { device, release: self.release.release_id.0 };
        self.seals.seal(purpose, &bytes).map(Some)
    }

    /// Whether these may become values of one device by a command, whose payload is kept as it is; `way` leads to them in the request.
    pub(crate) fn check_own(&self, way: &str, values: &[(VariableName, Option<String>)]) -> Result<(), Error> {
        let mut faults = Faults::new();
        for (name, value) in values {
            let field = format!("{way}.{name}");
            match self.variables.iter().find(|variable| variable.name == name.as_str()) {
                None => {
                    let names: Vec<_> = self.variables.iter().map(|variable| variable.name.as_str()).collect();
                    let has = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                    let Release { name, version, .. } = &self.release;
                    faults.add(&field, format!("is no variable of release {name} {version}, which has {has}"));
                }
                Some(variable) if variable.secret && value.is_some() => {
                    faults.add(&field, "is a secret, and commands are kept as they are: set it with SetValue");
                }
                Some(_) => {}
            }
        }
        faults.check()
    }

    fn values_of(&self, candidate: &Candidate, values: &Values) -> Result<Vec<Given>, String> {
        let mut found = BTreeMap::<&str, (&StoredValue, String)>::new();
        for stored in values.of(&candidate.device) {
            let name = stored.variable.as_str();
            let Some(variable) = self.variables.iter().find(|variable| variable.name == name) else { continue };
            let text = self.open(variable, stored)?;
            if let Some((before, other)) = found.get(name)
                && (before.owner.scope(), stored.owner.scope()) == ("label", "label")
                && *other != text
            {
                let (one, two) = (before.owner.key(), stored.owner.key());
                return Err(format!(
                    "variable {name}: two labels of the device give it different values, {one} and {two}"
                ));
            }
            found.insert(name, (stored, text));
        }
        let texts = found.iter().map(|(name, (_, text))| ((*name).to_owned(), text.clone())).collect();
        let told =
            |faults: Vec<value::ValueFault>| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        let checked = value::read(&self.variables, &texts).map_err(told)?;
        let given = checked.reveal().map(|(name, value)| Given {
            variable: name.to_owned(),
            text: value.to_text(),
            is_secret: self.variables.iter().any(|variable| variable.name == name && variable.secret),
            origin: found.get(name).map_or(ValueOrigin::Release, |(stored, _)| origin(stored)),
        });
        let given: Vec<_> = given.collect();
        let bytes: usize = given.iter().map(|given| given.variable.len() + given.text.len()).sum();
        if bytes > MAX_BYTES {
            return Err(format!("its values have {bytes} bytes together, and may have {MAX_BYTES}"));
        }
        Ok(given)
    }

    /// The text of a value, if it is as secret as the release wants it.
    fn open(&self, variable: &Variable, stored: &StoredValue) -> Result<String, String> {
        let name = &variable.name;
        match (&stored.content, variable.secret) {
            (Content::Clear(text), false) => Ok(text.clone()),
            (Content::Sealed(sealed), true) => {
                let text = self.seals.open(of_value(stored), sealed).and_then(|clear| String::from_utf8(clear).ok());
                text.ok_or_else(|| {
                    format!(
                        "variable {name}: its value {} was sealed under another secret of the server; set it again",
                        whose(stored)
                    )
                })
            }
            (Content::Clear(_), true) => Err(format!(
                "variable {name}: the release keeps it secret, and its value {} was not set as a secret; set it again as one",
                whose(stored)
            )),
            (Content::Sealed(_), false) => Err(format!(
                "variable {name}: its value {} is a secret, and the release does not keep it secret",
                whose(stored)
            )),
        }
    }

    /// What a device was last told, by variable.
    fn told(&self, device: i64, told: &ToldValues) -> Option<BTreeMap<String, String>> {
        let purpose = Purpose::Told { device, release: told.release_id.0 };
        serde_json::from_slice(&self.seals.open(purpose, &told.sealed)?).ok()
    }

    /// The values for people to see, and whether the device has the release with these very values.
    pub(crate) fn shown(&self, candidate: &Candidate, given: Vec<Given>) -> (Vec<PlannedValue>, bool) {
        let told = candidate.told.as_ref();
        let before = told.and_then(|told| self.told(candidate.device.pk, told)).unwrap_or_default();
        let is_confirmed = told.is_some_and(|told| told.is_confirmed && told.release_id == self.release.release_id);
        let is_same = |given: &Given| before.get(&given.variable) == Some(&given.text);
        let has_them = given.is_empty() || (is_confirmed && before.len() == given.len() && given.iter().all(is_same));
        let shown = |given: Given| PlannedValue {
            is_changed: before.get(&given.variable).is_some_and(|before| *before != given.text),
            variable: given.variable,
            origin: given.origin,
            value: (!given.is_secret).then_some(given.text),
        };
        (given.into_iter().map(shown).collect(), has_them)
    }
}

/// What a kept value is sealed for.
fn of_value(stored: &StoredValue) -> Purpose<'_> {
    Purpose::Value { scope: stored.owner.scope(), owner: stored.owner.key(), variable: &stored.variable }
}

fn whose(stored: &StoredValue) -> String {
    match stored.owner.scope() {
        "fleet" => "of the fleet".to_owned(),
        "device" => "of the device".to_owned(),
        scope => format!("of {scope} {}", stored.owner.key()),
    }
}

fn origin(stored: &StoredValue) -> ValueOrigin {
    match stored.owner.scope() {
        "fleet" => ValueOrigin::Fleet,
        "site" => ValueOrigin::Site,
        "label" => ValueOrigin::Label,
        _ => ValueOrigin::Device,
    }
}

/// Why a rollout leaves a device out, whatever its values; `None`: it does not.
fn why_left_out(candidate: &Candidate, release: &Release) -> Option<String> {
    if !candidate.device.active {
        return Some("the device is inactive".to_owned());
    }
    let Some(targets) = &candidate.targets else { return Some("the device takes no releases".to_owned()) };
    let missing = release.files.iter().find(|file| !targets.iter().any(|target| target.name == file.target));
    missing.map(|file| format!("the device has no target {}", file.target))
}
