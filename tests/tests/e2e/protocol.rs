//! The protocol files tell a reader everything: read from the descriptors that reflection gives out.

use std::collections::BTreeMap;

use homepot::pb::FILE_DESCRIPTOR_SET;
use prost::Message;
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet};

/// Comments by the path of what they stand before, as `SourceCodeInfo` numbers it.
type Comments = BTreeMap<Vec<i32>, String>;

fn files() -> Vec<FileDescriptorProto> {
    let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
    let ours: Vec<_> = set.file.into_iter().filter(|file| file.package().starts_with("homepot.")).collect();
    assert_eq!(ours.len(), 11);
    ours
}

fn comments(file: &FileDescriptorProto) -> Comments {
    let info = file.source_code_info.as_ref().expect("the descriptors carry comments");
    info.location.iter().map(|place| (place.path.clone(), place.leading_comments().trim().to_owned())).collect()
}

#[test]
fn every_service_rpc_message_field_and_enum_value_has_a_comment() {
    let mut bare = Vec::new();
    for file in files() {
        let comments = comments(&file);
        let mut check = |path: &[i32], name: String| {
            if comments.get(path).is_none_or(String::is_empty) {
                bare.push(format!("{}: {name}", file.name()));
            }
        };
        for (s, service) in (0..).zip(&file.service) {
            check(&[6, s], service.name().to_owned());
            for (m, method) in (0..).zip(&service.method) {
                check(&[6, s, 2, m], method.name().to_owned());
            }
        }
        for (m, message) in (0..).zip(&file.message_type) {
            check_message(&[4, m], message, &mut check);
        }
        for (e, value) in (0..).zip(&file.enum_type) {
            check_enum(&[5, e], value, &mut check);
        }
    }
    assert!(bare.is_empty(), "without a comment: {bare:#?}");
}

fn check_message(path: &[i32], message: &DescriptorProto, check: &mut impl FnMut(&[i32], String)) {
    // The entries of a map are made by the compiler; the map's own comment tells of them.
    if message.options.as_ref().is_some_and(|options| options.map_entry()) {
        return;
    }
    check(path, message.name().to_owned());
    for (f, field) in (0..).zip(&message.field) {
        check(&[path, &[2, f]].concat(), format!("{}.{}", message.name(), field.name()));
    }
    for (n, nested) in (0..).zip(&message.nested_type) {
        check_message(&[path, &[3, n]].concat(), nested, check);
    }
    for (e, value) in (0..).zip(&message.enum_type) {
        check_enum(&[path, &[4, e]].concat(), value, check);
    }
}

fn check_enum(path: &[i32], value: &EnumDescriptorProto, check: &mut impl FnMut(&[i32], String)) {
    check(path, value.name().to_owned());
    for (v, variant) in (0..).zip(&value.value) {
        check(&[path, &[2, v]].concat(), variant.name().to_owned());
    }
}

#[test]
fn packages_are_versioned_and_enums_begin_with_unspecified() {
    for file in files() {
        assert!(file.package().ends_with(".v1"), "{}", file.package());
        for value in &file.enum_type {
            let zero = &value.value[0];
            assert!(zero.number() == 0 && zero.name().ends_with("_UNSPECIFIED"), "{}", value.name());
        }
    }
}

#[test]
fn every_list_comes_in_pages() {
    // Totals name the largest hundred of each kind and count the rest.
    // A revocation names the operators that it took along, who are few.
    // A device has 64 targets at most.
    const BOUNDED: &[&str] = &["SummarizeFleet", "RevokeOperator", "GetDeviceUpdate"];
    let mut lists = Vec::new();
    for file in files() {
        let message = |type_name: &str| -> &DescriptorProto {
            let name = type_name.rsplit('.').next().unwrap();
            file.message_type.iter().find(|message| message.name() == name).unwrap()
        };
        let has = |message: &DescriptorProto, name: &str| message.field.iter().any(|field| field.name() == name);
        for service in file.service.iter().filter(|service| service.name() != "DeviceService") {
            for method in &service.method {
                let (request, response) = (message(method.input_type()), message(method.output_type()));
                use prost_types::field_descriptor_proto::Label;
                // A stream bounds its messages by sending more of them.
                let repeats = response.field.iter().any(|field| field.label() == Label::Repeated);
                if method.server_streaming() || !repeats || BOUNDED.contains(&method.name()) {
                    continue;
                }
                lists.push(method.name().to_owned());
                assert!(has(request, "page_size") && has(request, "page_token"), "{}", request.name());
                assert!(has(response, "next_page_token"), "{}", response.name());
            }
        }
    }
    lists.sort();
    let expected = [
        "AggregateActivities",
        "AggregateErrors",
        "Latest",
        "List",
        "ListActivities",
        "ListDevices",
        "ListEnrollmentTokens",
        "ListErrors",
        "ListOperators",
        "ListRecent",
        "ListReleases",
        "ListRolloutDevices",
        "ListRollouts",
        "ListRunDevices",
        "ListRuns",
        "ListSamples",
        "ListSessions",
        "ListSites",
        "ListStateChanges",
        "ListTrustRoots",
        "ListValues",
        "PlanRollout",
        "PreviewRun",
    ];
    assert_eq!(lists, expected);
}
