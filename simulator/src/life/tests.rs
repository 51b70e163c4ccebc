use super::*;

fn start() -> DateTime<Utc> {
    "2026-11-24T00:00:00Z".parse().unwrap()
}

fn life(scenario: &str, seed: u64, number: u32) -> Life {
    Life::new(Arc::new(Scenario::find(scenario).unwrap()), seed, number, start(), start())
}

fn day(mut life: Life) -> Vec<Moment> {
    (1..=1_440).map(|minute| life.step(start() + TimeDelta::minutes(minute))).collect()
}

fn average(moments: &[Moment], value: impl Fn(&Sample) -> Option<f64>) -> f64 {
    let values: Vec<f64> = moments.iter().filter_map(|moment| moment.sample.as_ref()).filter_map(value).collect();
    assert!(!values.is_empty());
    values.iter().sum::<f64>() / values.len() as f64
}

/// Of the whole fleet, by number.
fn fleet(scenario: &str) -> Vec<Vec<Moment>> {
    (0..24).map(|number| day(life(scenario, 1, number))).collect()
}

fn average_of(fleet: &[Vec<Moment>], value: impl Fn(&Sample) -> Option<f64>) -> f64 {
    average(&fleet.concat(), value)
}

#[test]
fn the_same_seed_gives_the_same_life_and_another_seed_or_number_another() {
    for (name, _) in crate::scenario::SHIPPED {
        assert_eq!(day(life(name, 7, 3)), day(life(name, 7, 3)), "{name}");
    }
    assert_ne!(day(life("healthy", 7, 3)), day(life("healthy", 8, 3)));
    assert_ne!(day(life("healthy", 7, 0)), day(life("healthy", 7, 5)));
}

#[test]
fn every_sample_of_every_scenario_is_one_that_the_server_takes() {
    for (name, _) in crate::scenario::SHIPPED {
        for moment in fleet(name).concat() {
            let Some(sample) = moment.sample else { continue };
            let proto = homepot::pb::telemetry::v1::Sample::from(sample.clone());
            let read = Sample::from_proto(proto, None);
            assert_eq!(read.as_ref(), Ok(&sample), "{name}");
        }
    }
}

#[test]
fn tills_sell_by_day_and_load_follows_the_trade() {
    let number = (0..24).find(|number| life("healthy", 1, *number).kind().device_type == "pos_terminal").unwrap();
    let moments = day(life("healthy", 1, number));
    let (night, noon) = (&moments[60..300], &moments[720..780]);
    let sold = |moments: &[Moment]| average(moments, |sample| sample.transaction_count.map(|count| count as f64));
    assert_eq!(sold(night), 0.0);
    assert!(sold(noon) > 0.2, "{}", sold(noon));
    let cpu = |moments: &[Moment]| average(moments, |sample| sample.cpu_percent);
    assert!(cpu(noon) > cpu(night) + 10.0, "{} {}", cpu(noon), cpu(night));
    let memory = |moments: &[Moment]| average(moments, |sample| sample.memory_percent);
    assert!(memory(noon) > memory(night) + 5.0, "{} {}", memory(noon), memory(night));
}

#[test]
fn a_scenario_does_what_its_name_says() {
    let healthy = fleet("healthy");
    let cpu = |fleet: &[Vec<Moment>]| average_of(fleet, |sample| sample.cpu_percent);
    assert!(cpu(&fleet("high_cpu")) > 75.0 && cpu(&healthy) < 40.0);
    let memory = |fleet: &[Vec<Moment>]| average_of(fleet, |sample| sample.memory_percent);
    assert!(memory(&fleet("low_memory")) > 85.0 && memory(&healthy) < 60.0);
    let errors = |fleet: &[Vec<Moment>]| average_of(fleet, |sample| sample.error_rate);
    assert!(errors(&fleet("high_errors")) > 8.0 && errors(&healthy) < 1.0);
    let sold = |fleet: &[Vec<Moment>]| average_of(fleet, |sample| sample.transaction_count.map(|count| count as f64));
    assert!(sold(&fleet("black_friday")) > 4.0 * sold(&healthy));
    let lost =
        |fleet: &[Vec<Moment>]| fleet.concat().iter().filter(|moment| moment.running && !moment.reachable).count();
    assert!(lost(&fleet("network_storm")) > 10 * lost(&healthy).max(1));
    let latency = |fleet: &[Vec<Moment>]| average_of(fleet, |sample| sample.network_latency_ms);
    assert!(latency(&fleet("degraded")) > 4.0 * latency(&healthy));
}

#[test]
fn a_bad_configuration_meets_a_third_of_the_fleet_and_passes() {
    let bad: Vec<_> = fleet("bad_rollout")
        .into_iter()
        .filter(|moments| average(&moments[4..10], |sample| sample.error_rate) > 2.0)
        .collect();
    assert!((4..=12).contains(&bad.len()), "{}", bad.len());
    for moments in bad {
        assert!(average(&moments[20..200], |sample| sample.error_rate) < 1.0);
    }
}

#[test]
fn a_restart_leaves_a_gap_and_begins_the_uptime_anew() {
    let mut life = life("healthy", 1, 0);
    let now = start() + TimeDelta::seconds(5);
    assert!(life.step(now).running);
    let boots = life.boots();
    life.restart(now, TimeDelta::seconds(60));
    let off = life.step(now + TimeDelta::seconds(30));
    assert!(!off.running && !off.reachable && off.sample.is_none());
    let on = life.step(now + TimeDelta::seconds(65));
    assert_eq!(on.sample.unwrap().uptime_seconds, Some(5));
    assert_eq!(life.boots(), boots + 1);
}

#[test]
fn failing_hardware_is_hot_slow_and_often_gone() {
    let scenario = Arc::new(Scenario::find("demo_shop").unwrap());
    let of = |number| day(Life::new(scenario.clone(), 1, number, start(), start()));
    let (failing, sound) = (of(4), of(5));
    let heat = |moments: &[Moment]| average(moments, |sample| sample.temperatures.first().map(|t| t.celsius));
    assert!(heat(&failing) > heat(&sound) + 20.0);
    let off = |moments: &[Moment]| moments.iter().filter(|moment| !moment.running).count();
    assert!(off(&failing) > off(&sound), "{} {}", off(&failing), off(&sound));
}

#[test]
fn skewed_clocks_are_within_what_the_scenario_says() {
    let scenario = Arc::new(Scenario::find("degraded").unwrap());
    let bound = TimeDelta::seconds(scenario.clock.skew_seconds as i64);
    let skew = |number| Life::new(scenario.clone(), 1, number, start(), start()).clock(start()) - start();
    let skews: Vec<_> = (0..200).map(skew).collect();
    assert!(skews.iter().all(|skew| skew.abs() <= bound));
    let skewed = skews.iter().filter(|skew| !skew.is_zero()).count();
    assert!((30..90).contains(&skewed), "{skewed}");
}
