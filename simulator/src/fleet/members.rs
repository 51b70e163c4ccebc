//! Which devices a fleet has: by number, and always the same ones.

use homepot::model::{DeviceId, DeviceType, SiteId};

use crate::scenario::Scenario;

/// A device of a fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) number: u32,
    pub(super) device_id: DeviceId,
    pub(super) name: String,
    pub(super) device_type: DeviceType,
    pub(super) site_id: SiteId,
}

/// The devices 0 to `count` of the fleet, spread evenly over its sites.
pub(super) fn members(
    fleet: &str,
    count: u32,
    sites: &[SiteId],
    scenario: &Scenario,
) -> Result<Vec<Member>, homepot::Error> {
    let digits = count.saturating_sub(1).max(1).ilog10() as usize + 1;
    let member = |number: u32| {
        let kind = &scenario.devices[scenario.kind(number)];
        let slug: String =
            kind.name.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        Ok(Member {
            number,
            device_id: DeviceId::parse(&format!("{fleet}-{slug}-{:0digits$}", number + 1))?,
            name: format!("{} {} (simulated)", kind.name, number + 1),
            device_type: DeviceType::parse(&kind.device_type)?,
            site_id: sites[number as usize % sites.len()].clone(),
        })
    };
    (0..count).map(member).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_apart_and_sorted_and_sites_are_filled_evenly() {
        let scenario = Scenario::find("healthy").unwrap();
        let sites: Vec<_> = ["a", "b", "c"].iter().map(|site| SiteId::parse(site).unwrap()).collect();
        let fleet = members("shop", 24, &sites, &scenario).unwrap();
        let ids: std::collections::BTreeSet<_> = fleet.iter().map(|member| member.device_id.clone()).collect();
        assert_eq!(ids.len(), 24);
        assert!(fleet[0].device_id.as_str().ends_with("-01"), "{}", fleet[0].device_id);
        for site in &sites {
            assert_eq!(fleet.iter().filter(|member| member.site_id == *site).count(), 8);
        }
        let types: std::collections::BTreeSet<_> = fleet.iter().map(|member| member.device_type.to_string()).collect();
        assert_eq!(types.len(), 5, "a mix: {types:?}");
    }
}
