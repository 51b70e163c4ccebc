//! Contexts: servers by name, each with the file that holds the token for it. The token itself is never in here.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use homepot_host::{data_dir, environment, secret_file};
use serde_json::{Map, Value, json};

/// Who can write the file says which server gets the token, so only its owner may.
const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;
/// Names are typed and shown, and stand in a file.
const LONGEST_NAME: usize = 64;

/// A server, and how to speak with it. What is `None` is as if there were no context.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Context {
    /// Its address.
    pub(crate) server: Option<String>,
    /// The authorities that vouch for it.
    pub(crate) ca: Option<PathBuf>,
    /// The file that holds the caller's token.
    pub(crate) token_file: Option<PathBuf>,
    /// Whether the token may go there in clear.
    pub(crate) allow_plaintext: bool,
}

/// All contexts of a user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Contexts {
    /// The one that counts where none is named.
    pub(crate) current: Option<String>,
    /// By name.
    pub(crate) all: BTreeMap<String, Context>,
}

/// Where they are kept; `None`: this user has no home.
pub(crate) fn path() -> Option<PathBuf> {
    let absolute = |name: &str| environment::of_the_system(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")))?;
    Some(base.join("homepot").join("contexts.json"))
}

impl Contexts {
    /// The contexts of this user; none where nothing was kept yet.
    pub(crate) fn read() -> anyhow::Result<Self> {
        path().map_or_else(|| Ok(Self::default()), |path| Self::read_from(&path))
    }

    fn read_from(path: &Path) -> anyhow::Result<Self> {
        let text = match secret_file::read_private(path) {
            Ok(text) => text,
            Err(error) if error.is_missing() => return Ok(Self::default()),
            Err(error) => return Err(error.into()),
        };
        let wrong = || format!("{} can't be read as contexts", path.display());
        let value: Value = serde_json::from_str(&text).with_context(wrong)?;
        let contexts = value["contexts"].as_object().with_context(wrong)?;
        Ok(Self {
            current: value["current"].as_str().map(str::to_owned),
            all: contexts.iter().map(|(name, context)| (name.clone(), Context::from_json(context))).collect(),
        })
    }

    /// Keeps them in place of what was kept before; who reads meanwhile sees one or the other.
    pub(crate) fn write(&self) -> anyhow::Result<()> {
        let path = path().context("there is no home directory to keep contexts in; set XDG_CONFIG_HOME")?;
        self.write_to(&path)
    }

    fn write_to(&self, path: &Path) -> anyhow::Result<()> {
        let contexts: Map<_, _> = self.all.iter().map(|(name, context)| (name.clone(), context.json())).collect();
        let text = format!("{:#}\n", json!({ "current": self.current, "contexts": contexts }));
        data_dir::make(path.parent().unwrap_or(Path::new(".")), DIRECTORY_MODE)?;
        let new = path.with_extension(format!("json.{}", std::process::id()));
        let written = fs::OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&new);
        let written = written.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
        let written = written.and_then(|()| fs::rename(&new, path));
        written.inspect_err(|_| _ = fs::remove_file(&new)).with_context(|| format!("can't write {}", path.display()))
    }

    /// The context of that name, or the current one; the default where there is none.
    pub(crate) fn chosen(&self, name: Option<&str>) -> anyhow::Result<Context> {
        let Some(name) = name.or(self.current.as_deref()) else { return Ok(Context::default()) };
        self.find(name).cloned()
    }

    /// The context of that name; an error that names those there are.
    pub(crate) fn find(&self, name: &str) -> anyhow::Result<&Context> {
        let known = || match self.all.is_empty() {
            true => "there are none yet; homepot ctl contexts set makes one".to_owned(),
            false => format!("there are {}", self.all.keys().cloned().collect::<Vec<_>>().join(", ")),
        };
        self.all.get(name).with_context(|| format!("context: there is no '{name}'; {}", known()))
    }
}

impl Context {
    pub(crate) fn json(&self) -> Value {
        json!({
            "server": self.server, "ca": self.ca, "token_file": self.token_file,
            "allow_plaintext": self.allow_plaintext,
        })
    }

    fn from_json(value: &Value) -> Self {
        let text = |name: &str| value[name].as_str().map(str::to_owned);
        Self {
            server: text("server"),
            ca: text("ca").map(PathBuf::from),
            token_file: text("token_file").map(PathBuf::from),
            allow_plaintext: value["allow_plaintext"] == true,
        }
    }
}

/// Reads the name of a context.
pub(crate) fn name(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._@-".contains(c);
    if text.is_empty() || text.len() > LONGEST_NAME || !text.chars().all(fits) {
        return Err(format!("must be 1 to {LONGEST_NAME} of A-Z, a-z, 0-9, '.', '_', '@' and '-'"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn two() -> Contexts {
        let context = Context {
            server: Some("https://homepot.example:50051".to_owned()),
            token_file: Some("/home/me/token".into()),
            ..Context::default()
        };
        let all = [("production".to_owned(), context), ("laptop".to_owned(), Context::default())].into();
        Contexts { current: Some("production".to_owned()), all }
    }

    #[test]
    fn contexts_are_kept_for_their_owner_alone_and_read_as_they_were() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("homepot/contexts.json");
        assert_eq!(Contexts::read_from(&path).unwrap(), Contexts::default());
        two().write_to(&path).unwrap();
        two().write_to(&path).unwrap();
        assert_eq!(Contexts::read_from(&path).unwrap(), two());
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(Contexts::read_from(&path).unwrap_err().to_string().contains("chmod 600"));
    }

    #[test]
    fn the_one_that_is_named_wins_over_the_current_one_and_an_unknown_one_is_an_error() {
        let contexts = two();
        assert_eq!(contexts.chosen(None).unwrap(), contexts.all["production"]);
        assert_eq!(contexts.chosen(Some("laptop")).unwrap(), Context::default());
        let error = contexts.chosen(Some("lab")).unwrap_err().to_string();
        assert!(error.contains("'lab'") && error.ends_with("there are laptop, production"), "{error}");
        assert_eq!(Contexts::default().chosen(None).unwrap(), Context::default());
        assert!(name("a b").is_err() && name("").is_err() && name("shop-7").is_ok());
    }
}
