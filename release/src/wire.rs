//! The messages whose bytes are signed and stored. Fields are added under new numbers and never change their meaning; a reader
//! refuses a `format` above the one that it knows, because a field that it skips could be a condition.

/// The format of roots and manifests that this version writes, and the newest that it reads.
pub(crate) const FORMAT: u32 = 1;

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Envelope {
    #[prost(string, tag = "1")]
    pub(crate) kind: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) payload: Vec<u8>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) signatures: Vec<Signature>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Signature {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) key_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) signature: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Root {
    #[prost(uint32, tag = "1")]
    pub(crate) format: u32,
    #[prost(uint64, tag = "2")]
    pub(crate) version: u64,
    #[prost(uint64, tag = "3")]
    pub(crate) expires: u64,
    #[prost(bytes = "vec", repeated, tag = "4")]
    pub(crate) keys: Vec<Vec<u8>>,
    #[prost(message, optional, tag = "5")]
    pub(crate) root: Option<Role>,
    #[prost(message, optional, tag = "6")]
    pub(crate) release: Option<Role>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Role {
    #[prost(uint32, tag = "1")]
    pub(crate) threshold: u32,
    #[prost(bytes = "vec", repeated, tag = "2")]
    pub(crate) key_ids: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Manifest {
    #[prost(uint32, tag = "1")]
    pub(crate) format: u32,
    #[prost(string, tag = "2")]
    pub(crate) name: String,
    #[prost(string, tag = "3")]
    pub(crate) version: String,
    #[prost(uint64, tag = "4")]
    pub(crate) counter: u64,
    #[prost(uint64, tag = "5")]
    pub(crate) created: u64,
    #[prost(uint64, tag = "6")]
    pub(crate) expires: u64,
    #[prost(message, optional, tag = "7")]
    pub(crate) selector: Option<Selector>,
    #[prost(message, repeated, tag = "8")]
    pub(crate) files: Vec<File>,
    #[prost(message, repeated, tag = "9")]
    pub(crate) variables: Vec<Variable>,
    #[prost(string, repeated, tag = "10")]
    pub(crate) validators: Vec<String>,
    #[prost(string, repeated, tag = "11")]
    pub(crate) health: Vec<String>,
    /// No condition: a reader that skips it installs the release all the same.
    #[prost(bool, tag = "12")]
    pub(crate) mend_drift: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Selector {
    #[prost(string, repeated, tag = "1")]
    pub(crate) sites: Vec<String>,
    #[prost(btree_map = "string, string", tag = "2")]
    pub(crate) labels: std::collections::BTreeMap<String, String>,
    #[prost(string, repeated, tag = "3")]
    pub(crate) device_types: Vec<String>,
    #[prost(string, repeated, tag = "4")]
    pub(crate) devices: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct File {
    #[prost(string, tag = "1")]
    pub(crate) target: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) sha256: Vec<u8>,
    #[prost(uint64, tag = "3")]
    pub(crate) size: u64,
    #[prost(bool, tag = "4")]
    pub(crate) template: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Variable {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(bool, tag = "2")]
    pub(crate) required: bool,
    #[prost(bool, tag = "3")]
    pub(crate) secret: bool,
    #[prost(message, optional, tag = "4")]
    pub(crate) default: Option<Value>,
    #[prost(oneof = "Bounds", tags = "5, 6, 7, 8")]
    pub(crate) bounds: Option<Bounds>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum Bounds {
    #[prost(message, tag = "5")]
    Text(Text),
    #[prost(message, tag = "6")]
    Integer(Integer),
    #[prost(message, tag = "7")]
    Boolean(Boolean),
    #[prost(message, tag = "8")]
    Choice(Choice),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Text {
    #[prost(uint32, tag = "1")]
    pub(crate) max_length: u32,
    #[prost(string, optional, tag = "2")]
    pub(crate) pattern: Option<String>,
    #[prost(bool, tag = "3")]
    pub(crate) multiline: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Integer {
    #[prost(sint64, tag = "1")]
    pub(crate) min: i64,
    #[prost(sint64, tag = "2")]
    pub(crate) max: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Boolean {}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Choice {
    #[prost(string, repeated, tag = "1")]
    pub(crate) choices: Vec<String>,
}

// Without a derived `Debug`: a value may be a secret.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(crate) struct Value {
    #[prost(oneof = "AnyValue", tags = "1, 2, 3")]
    pub(crate) value: Option<AnyValue>,
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Value(..)")
    }
}

#[derive(Clone, PartialEq, prost::Oneof)]
#[prost(skip_debug)]
pub(crate) enum AnyValue {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(sint64, tag = "2")]
    Integer(i64),
    #[prost(bool, tag = "3")]
    Boolean(bool),
}

impl std::fmt::Debug for AnyValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AnyValue(..)")
    }
}

/// Checked values, as an agent keeps them on its own disk.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(crate) struct Values {
    #[prost(message, repeated, tag = "1")]
    pub(crate) values: Vec<NamedValue>,
}

impl std::fmt::Debug for Values {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Values(..)")
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct NamedValue {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) value: Option<Value>,
    #[prost(bool, tag = "3")]
    pub(crate) secret: bool,
}
