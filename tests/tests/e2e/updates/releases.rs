//! What is kept: roots that follow one another, files that have their digest, and releases that somebody signed.

use homepot::{
    model::CHUNK_BYTES,
    pb::{
        registry::v1::Role,
        rollout::v1::{
            AddTrustRootRequest, CreateReleaseRequest, CreateReleaseResponse, ListReleasesRequest,
            ListTrustRootsRequest, UploadArtifactRequest, UploadArtifactResponse,
        },
    },
};
use homepot_release::{Digest, Envelope, Kind};
use homepot_tests::{Publisher, Server, grpc::Caller, upload};
use tonic::{Code, Status};

async fn create(server: &Server, signed_release: Vec<u8>) -> Result<CreateReleaseResponse, Status> {
    server
        .admin()
        .releases
        .create_release(CreateReleaseRequest { signed_release })
        .await
        .map(tonic::Response::into_inner)
}

#[tokio::test]
async fn a_release_is_kept_once_and_only_with_good_signatures_and_all_of_its_files() {
    let server = Server::start().await;
    let (publisher, stranger) = (Publisher::default(), Publisher::default());
    let content = b"price = 1.99".as_slice();
    let signed = publisher.release("prices", &["prices"], content);
    let refused = create(&server, signed.clone()).await.unwrap_err();
    assert_eq!((refused.code(), refused.message()), (Code::FailedPrecondition, "no trust root was added yet"));

    publisher.introduce(&server, None).await;
    let refused = create(&server, signed.clone()).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(refused.message().contains("the file for the target prices was not uploaded"), "{refused}");

    upload(&server, content).await;
    let created = create(&server, signed.clone()).await.unwrap();
    assert!(!created.existed);
    let release = created.release.unwrap();
    assert_eq!((release.name.as_str(), release.version.as_str(), release.counter), ("prices", "1", 1));
    assert_eq!(release.files[0].sha256, Digest::of(content).to_string());
    assert_eq!(release.key_ids, [publisher.key().public().id().to_string()]);
    let again = create(&server, signed).await.unwrap();
    assert!(again.existed);
    assert_eq!(again.release.as_ref(), Some(&release));

    // Signed by somebody else, by nobody, or as something else.
    let payload = publisher.release_payload("prices", &["prices"], content);
    for (bytes, code) in [
        (stranger.signed(Kind::Release, payload.clone()), Code::FailedPrecondition),
        (Envelope::new(Kind::Release, payload.clone()).encode(), Code::FailedPrecondition),
        (publisher.signed(Kind::Root, payload.clone()), Code::InvalidArgument),
        (b"nothing of the kind".to_vec(), Code::InvalidArgument),
    ] {
        let refused = create(&server, bytes).await.unwrap_err();
        assert_eq!(refused.code(), code, "{refused}");
        assert!(refused.message().contains("signed_release"), "{refused}");
    }
    // Another one of the same name and version.
    let other = Publisher::default();
    let same_name = other.release_payload("prices", &["other"], content);
    let refused = create(&server, publisher.signed(Kind::Release, same_name)).await.unwrap_err();
    assert_eq!(refused.code(), Code::AlreadyExists, "{refused}");

    let listed = server.admin().releases.list_releases(ListReleasesRequest::default()).await.unwrap().into_inner();
    assert_eq!(listed.releases, [release]);
}

#[tokio::test]
async fn roots_follow_one_another_and_a_refused_one_is_not_kept() {
    let server = Server::start().await;
    let (publisher, stranger) = (Publisher::default(), Publisher::default());
    let add = async |signed_root: Vec<u8>| {
        let request = AddTrustRootRequest { signed_root };
        server.admin().releases.add_trust_root(request).await.map(|added| added.into_inner().root.unwrap().version)
    };
    let first = publisher.next_root();
    assert_eq!(add(first.clone()).await.unwrap(), 1);
    assert_eq!(add(first).await.unwrap(), 1, "the same again changes nothing");
    // Of the right version, and signed by somebody else.
    stranger.next_root();
    assert_eq!(add(stranger.next_root()).await.unwrap_err().code(), Code::FailedPrecondition);
    let (second, third) = (publisher.next_root(), publisher.next_root());
    assert_eq!(add(third.clone()).await.unwrap_err().code(), Code::FailedPrecondition, "no version is left out");
    assert_eq!(add(second).await.unwrap(), 2);
    assert_eq!(add(third).await.unwrap(), 3);
    let listed = server.admin().releases.list_trust_roots(ListTrustRootsRequest::default()).await.unwrap();
    let versions: Vec<_> = listed.into_inner().roots.iter().map(|root| root.version).collect();
    assert_eq!(versions, [3, 2, 1]);

    // Whoever is bound to a site changes nothing that the whole fleet trusts.
    server.create_site("site", false).await;
    let bound = server.create_operator("bound", Role::Admin, &["site"]).await;
    let mut bound = server.clients(&Caller::Operator(bound)).releases;
    let request = AddTrustRootRequest { signed_root: publisher.next_root() };
    assert_eq!(bound.add_trust_root(request).await.unwrap_err().code(), Code::PermissionDenied);
}

#[tokio::test]
async fn an_upload_goes_on_where_it_broke_off_and_a_wrong_file_is_thrown_away() {
    let server = Server::start().await;
    let part = CHUNK_BYTES as usize;
    let content: Vec<u8> = (0..part * 2 + 7).map(|number| u8::try_from(number % 251).unwrap()).collect();
    let (sha256, size) = (Digest::of(&content).to_string(), u32::try_from(content.len()).unwrap());
    let put = async |offset: usize, data: &[u8]| -> Result<UploadArtifactResponse, Status> {
        let offset = u32::try_from(offset).unwrap();
        let request = UploadArtifactRequest { sha256: sha256.clone(), size, offset, data: data.to_vec() };
        server.admin().releases.upload_artifact(request).await.map(tonic::Response::into_inner)
    };
    let received = |answer: UploadArtifactResponse| {
        let artifact = answer.artifact.unwrap();
        (artifact.received as usize, artifact.complete)
    };
    assert_eq!(received(put(0, &content[..part]).await.unwrap()), (part, false));
    // Once more, and one too far: nothing changes, and both are told where to go on.
    assert_eq!(received(put(0, &content[..part]).await.unwrap()), (part, false));
    assert_eq!(received(put(part * 2, &content[part * 2..]).await.unwrap()), (part, false));
    for (offset, data, field) in
        [(1, &content[..part], "offset"), (part, &content[..5], "data"), (part, &[][..], "data")]
    {
        let refused = put(offset, data).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().contains(field), "{refused}");
    }
    // A wrong byte shows at the end, and everything begins anew.
    let mut wrong = content[part..part * 2].to_vec();
    wrong[5] ^= 1;
    assert_eq!(received(put(part, &wrong).await.unwrap()), (part * 2, false));
    let refused = put(part * 2, &content[part * 2..]).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
    assert!(refused.message().contains("sha256"), "{refused}");
    assert_eq!(received(put(0, &content[..part]).await.unwrap()), (part, false));
    assert_eq!(received(put(part, &content[part..part * 2]).await.unwrap()), (part * 2, false));
    assert_eq!(received(put(part * 2, &content[part * 2..]).await.unwrap()), (content.len(), true));
    // It is there for good.
    assert_eq!(received(put(0, &wrong).await.unwrap()), (content.len(), true));
}
