use std::{cell::Cell, time::Duration};

use super::*;

fn nothing_set(_: &str) -> Result<Option<String>, VariableError> {
    Ok(None)
}

#[test]
fn faults_are_told_in_the_order_in_which_they_were_found() {
    let mut reader = Reader::new(Surroundings { variable: &nothing_set, is_root: false });
    assert_eq!(reader.keep("grpc-addr", Err("is wrong".to_owned()), 7), 7, "reading goes on");
    assert_eq!(reader.count("threads", "none", 1..=256), 1);
    reader.secret_fault("secret", "is short");
    let told = reader.finish(()).unwrap_err().to_string();
    let expected = "3 settings are at fault:\n  --grpc-addr (HOMEPOT_GRPC_ADDR): is wrong\n  --threads (HOMEPOT_THREADS): \
        'none' is not a number from 1 to 256\n  HOMEPOT_SECRET: is short";
    assert_eq!(told, expected);
}

#[test]
fn no_fault_is_the_value_itself() {
    let reader = Reader::new(Surroundings { variable: &nothing_set, is_root: false });
    assert_eq!(reader.finish(5), Ok(5));
}

#[test]
fn a_secret_comes_from_a_variable_or_a_file_and_not_from_both() {
    let directory = tempfile::tempdir().unwrap();
    let (file, empty) = (directory.path().join("token"), directory.path().join("empty"));
    std::fs::write(&file, " from the file\n").unwrap();
    std::fs::write(&empty, "\n").unwrap();
    let variable = Cell::new(None);
    let look_up = |name: &str| {
        assert_eq!(name, "HOMEPOT_TOKEN");
        Ok(variable.get().map(str::to_owned))
    };
    let read = |file: Option<&PathBuf>| {
        let mut reader = Reader::new(Surroundings { variable: &look_up, is_root: false });
        let secret = reader.secret("token", "token-file", file.map(|file| file.clone().into_os_string()));
        reader.finish(secret).map_err(|error| error.0[0].to_string())
    };
    assert_eq!(read(None), Ok(None));
    assert_eq!(read(Some(&file)), Ok(Some("from the file".to_owned())));
    assert_eq!(read(Some(&PathBuf::new())), Ok(None), "an empty flag is one that is not given");
    assert!(read(Some(&empty)).unwrap_err().contains("empty is empty"));
    assert!(
        read(Some(&directory.path().join("nowhere"))).unwrap_err().starts_with("--token-file (HOMEPOT_TOKEN_FILE)")
    );
    variable.set(Some(" from the variable "));
    assert_eq!(read(None), Ok(Some("from the variable".to_owned())));
    assert!(read(Some(&file)).unwrap_err().contains("is given together with HOMEPOT_TOKEN"));
}

#[test]
fn times_have_a_unit() {
    assert_eq!(parse_time("500ms"), Ok(Duration::from_millis(500)));
    assert_eq!(parse_time("2m"), Ok(Duration::from_secs(120)));
    for text in ["", "5", "s", "5 s", "-1s", "1w", "99999999999999999999s", "18446744073709551615d"] {
        assert!(parse_time(text).is_err(), "{text}");
    }
}
