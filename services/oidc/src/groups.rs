//! Which groups of the provider have which role, and at which sites.

use std::{collections::BTreeSet, str::FromStr};

use homepot::model::{Role, SiteId, SiteScope};

/// The setting's words for roles. `admin` is bound to sites and `fleet-admin` is not, as in docs/access.md.
const WORDS: &str = "viewer, operator, admin@SITE or fleet-admin";

/// A mapping such as `homepot-admins=fleet-admin, shop-12-staff=operator@shop-12`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants(Vec<Grant>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Grant {
    group: String,
    role: Role,
    /// Empty: every site.
    sites: Vec<SiteId>,
}

impl Grants {
    /// What members of these groups may: the highest role that one of them has, at the sites of all groups with that role, or
    /// at every site where one of them has that. `None`: none of the groups has a role.
    ///
    /// Groups with a lower role add nothing, because an operator has one role for all of its sites: to add their sites would
    /// give the higher role there.
    pub fn of(&self, groups: &[String]) -> Option<(Role, SiteScope)> {
        let held: Vec<_> = self.0.iter().filter(|grant| groups.contains(&grant.group)).collect();
        let role = held.iter().map(|grant| grant.role).max()?;
        let highest: Vec<_> = held.into_iter().filter(|grant| grant.role == role).collect();
        if highest.iter().any(|grant| grant.sites.is_empty()) {
            return Some((role, SiteScope::All));
        }
        let sites: BTreeSet<_> = highest.iter().flat_map(|grant| &grant.sites).map(SiteId::as_str).collect();
        let sites = sites.into_iter().filter_map(|site| SiteId::parse(site).ok()).collect();
        Some((role, SiteScope::Only(sites)))
    }
}

impl FromStr for Grants {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let (mut grants, mut faults) = (Vec::new(), Vec::new());
        for entry in entries {
            match entry.parse() {
                Ok(grant) => grants.push(grant),
                Err(fault) => faults.push(fault),
            }
        }
        match (faults.is_empty(), grants.is_empty()) {
            (false, _) => Err(faults.join("; ")),
            (true, true) => Err("names no group; without one nobody could sign in".to_owned()),
            (true, false) => Ok(Self(grants)),
        }
    }
}

impl FromStr for Grant {
    type Err = String;

    fn from_str(entry: &str) -> Result<Self, String> {
        // The last '=' parts them: names of groups may hold one themselves.
        let (group, grant) =
            entry.rsplit_once('=').ok_or_else(|| format!("'{entry}' is not GROUP=ROLE or GROUP=ROLE@SITE+SITE"))?;
        let (group, grant) = (group.trim(), grant.trim());
        if group.is_empty() {
            return Err(format!("'{entry}' names no group before '='"));
        }
        let (word, sites) = match grant.split_once('@') {
            Some((word, sites)) => (word.trim(), Some(sites)),
            None => (grant, None),
        };
        let role = match (word, sites) {
            ("fleet-admin", None) | ("admin", Some(_)) => Role::Admin,
            ("operator", _) => Role::Operator,
            ("viewer", _) => Role::Viewer,
            ("fleet-admin", Some(_)) => {
                return Err(format!("'{entry}': a fleet-admin has every site; write admin@SITE"));
            }
            ("admin", None) => {
                return Err(format!("'{entry}': write fleet-admin for every site, or name sites as admin@SITE+SITE"));
            }
            _ => return Err(format!("'{entry}': '{word}' is not {WORDS}")),
        };
        let read = |site: &str| {
            SiteId::parse(site.trim()).map_err(|_| format!("'{entry}': '{}' is not the id of a site", site.trim()))
        };
        let sites = sites.map(|sites| sites.split('+').map(read).collect::<Result<Vec<_>, _>>()).transpose()?;
        Ok(Self { group: group.to_owned(), role, sites: sites.unwrap_or_default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPPING: &str = "homepot-admins=fleet-admin, shop-12-staff = operator@shop-12, shop-13=operator@shop-13+shop-14, \
        region=admin@shop-12, cn=look=viewer";

    fn may(groups: &[&str]) -> Option<(Role, Option<Vec<String>>)> {
        let groups: Vec<_> = groups.iter().map(|group| (*group).to_owned()).collect();
        MAPPING.parse::<Grants>().unwrap().of(&groups).map(|(role, scope)| (role, scope.site_ids()))
    }

    #[test]
    fn the_highest_role_counts_with_the_sites_of_all_groups_that_have_it() {
        let sites = |sites: &[&str]| Some(sites.iter().map(|site| (*site).to_owned()).collect::<Vec<_>>());
        assert_eq!(may(&[]), None);
        assert_eq!(may(&["others", "HOMEPOT-ADMINS"]), None, "names of groups are compared as they are");
        assert_eq!(may(&["cn=look"]), Some((Role::Viewer, None)));
        assert_eq!(may(&["shop-12-staff"]), Some((Role::Operator, sites(&["shop-12"]))));
        let united = sites(&["shop-12", "shop-13", "shop-14"]);
        assert_eq!(may(&["shop-13", "shop-12-staff", "cn=look"]), Some((Role::Operator, united)));
        assert_eq!(may(&["region", "shop-13"]), Some((Role::Admin, sites(&["shop-12"]))), "lower roles add no site");
        assert_eq!(may(&["region", "homepot-admins"]), Some((Role::Admin, None)));
    }

    #[test]
    fn all_faults_of_a_mapping_are_told_at_once() {
        let told = "a=boss, b=admin, c=operator@not a site, d, =viewer, e=fleet-admin@x".parse::<Grants>().unwrap_err();
        for entry in ["'a=boss'", "'b=admin'", "'not a site'", "'d'", "'=viewer'", "'e=fleet-admin@x'"] {
            assert!(told.contains(entry), "{entry}: {told}");
        }
        assert!(" , ".parse::<Grants>().is_err());
    }
}
