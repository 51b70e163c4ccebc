//! The comments of the contract, by the element that they describe.

use std::collections::HashMap;

use prost_reflect::DescriptorPool;

/// Comments by file and by the path that descriptors have within it.
pub(super) struct Comments(HashMap<(String, Vec<i32>), String>);

impl Comments {
    pub(super) fn of(pool: &DescriptorPool) -> Self {
        let mut comments = HashMap::new();
        for file in pool.files() {
            let locations = file.file_descriptor_proto().source_code_info.iter().flat_map(|info| &info.location);
            for place in locations.filter(|place| !place.leading_comments().trim().is_empty()) {
                comments.insert((file.name().to_owned(), place.path.clone()), plain(place.leading_comments()));
            }
        }
        Self(comments)
    }

    /// What stands before the thing at `path` in `file`; empty when nothing does.
    pub(super) fn before(&self, file: &prost_reflect::FileDescriptor, path: &[i32]) -> String {
        self.0.get(&(file.name().to_owned(), path.to_vec())).cloned().unwrap_or_default()
    }
}

/// The comment with its lines joined into paragraphs.
fn plain(comment: &str) -> String {
    let paragraphs = comment.trim().split("\n\n").map(|paragraph| {
        let lines: Vec<_> = paragraph.lines().map(str::trim).collect();
        lines.join(" ")
    });
    paragraphs.collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_comment_become_paragraphs() {
        assert_eq!(plain(" One\n two.\n\n Three.\n"), "One two.\n\nThree.");
    }
}
