//! The tables of updates over the air.

use super::{devices, sites};

diesel::table! {
    trust_roots (version) {
        version -> BigInt,
        signed -> Binary,
        expires_at -> Timestamptz,
        root_key_ids -> Array<Text>,
        root_threshold -> Integer,
        release_key_ids -> Array<Text>,
        release_threshold -> Integer,
        created_by -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    artifacts (sha256) {
        sha256 -> Text,
        size -> BigInt,
        received -> BigInt,
        completed_at -> Nullable<Timestamptz>,
        created_by -> Text,
        created_at -> Timestamptz,
        changed_at -> Timestamptz,
    }
}

diesel::table! {
    artifact_parts (sha256, start) {
        sha256 -> Text,
        start -> BigInt,
        data -> Binary,
    }
}

diesel::table! {
    releases (release_id) {
        release_id -> Uuid,
        name -> Text,
        version -> Text,
        counter -> BigInt,
        signed -> Binary,
        sha256 -> Text,
        key_ids -> Array<Text>,
        expires_at -> Timestamptz,
        created_by -> Text,
        created_at -> Timestamptz,
        mend_drift -> Bool,
    }
}

diesel::table! {
    release_files (release_id, target) {
        release_id -> Uuid,
        target -> Text,
        sha256 -> Text,
        size -> BigInt,
        template -> Bool,
    }
}

diesel::table! {
    rollouts (rollout_id) {
        rollout_id -> Uuid,
        release_id -> Uuid,
        target -> Jsonb,
        site_ids -> Array<Text>,
        phases -> Array<Text>,
        phase -> Integer,
        phase_done_at -> Nullable<Timestamptz>,
        soak_ms -> BigInt,
        silence_ms -> BigInt,
        max_in_flight -> Integer,
        max_in_flight_per_site -> Integer,
        max_failure_percent -> Integer,
        forgiven -> Integer,
        state -> Text,
        reason -> Nullable<Text>,
        created_by -> Text,
        idempotency_key -> Nullable<Text>,
        description -> Nullable<Text>,
        created_at -> Timestamptz,
        finished_at -> Nullable<Timestamptz>,
        changed_at -> Timestamptz,
        approval_site_ids -> Array<Text>,
        approved_by -> Nullable<Text>,
        approved_at -> Nullable<Timestamptz>,
        replaces_rollout_id -> Nullable<Uuid>,
        mends_drift -> Bool,
        number -> BigInt,
    }
}

diesel::table! {
    rollout_devices (rollout_id, device) {
        rollout_id -> Uuid,
        device -> BigInt,
        phase -> Integer,
        state -> Text,
        reason -> Nullable<Text>,
        generation -> Nullable<BigInt>,
        fetched_bytes -> BigInt,
        heard_at -> Nullable<Timestamptz>,
        changed_at -> Timestamptz,
        sealed_values -> Nullable<Binary>,
        may_apply_at -> Nullable<Timestamptz>,
        ask_at -> Nullable<Timestamptz>,
        waits_for -> Nullable<Text>,
    }
}

diesel::table! {
    device_updates (device) {
        device -> BigInt,
        generation -> BigInt,
        rollout_id -> Nullable<Uuid>,
        release_id -> Nullable<Uuid>,
        action -> Nullable<Text>,
        state -> Nullable<Text>,
        reason -> Nullable<Text>,
        targets -> Jsonb,
        reported_at -> Nullable<Timestamptz>,
        sealed_values -> Nullable<Binary>,
        asks -> Integer,
    }
}

diesel::table! {
    device_mends (device, release_id) {
        device -> BigInt,
        release_id -> Uuid,
        attempts -> Integer,
        first_at -> Timestamptz,
        last_at -> Timestamptz,
        next_at -> Timestamptz,
        rollout_id -> Uuid,
    }
}

diesel::table! {
    confirmed_values (device, release_id) {
        device -> BigInt,
        release_id -> Uuid,
        sealed -> Binary,
    }
}

diesel::table! {
    site_update_policies (site_id) {
        site_id -> Text,
        time_zone -> Text,
        windows -> Array<Text>,
        needs_approval -> Bool,
        changed_by -> Text,
        changed_at -> Timestamptz,
    }
}

diesel::table! {
    variable_values (variable, scope, owner) {
        variable -> Text,
        scope -> Text,
        owner -> Text,
        site_id -> Nullable<Text>,
        device -> Nullable<BigInt>,
        value -> Nullable<Text>,
        sealed -> Nullable<Binary>,
        set_by -> Text,
        set_at -> Timestamptz,
    }
}

diesel::table! {
    command_rollouts (command_id) {
        command_id -> Uuid,
        rollout_id -> Uuid,
        settled_at -> Nullable<Timestamptz>,
    }
}

diesel::joinable!(rollouts -> releases (release_id));
diesel::joinable!(rollout_devices -> devices (device));
diesel::joinable!(rollout_devices -> rollouts (rollout_id));
diesel::joinable!(device_updates -> releases (release_id));
diesel::allow_tables_to_appear_in_same_query!(rollouts, releases, device_updates);
diesel::joinable!(variable_values -> devices (device));
diesel::joinable!(variable_values -> sites (site_id));
diesel::allow_tables_to_appear_in_same_query!(rollout_devices, devices);
diesel::allow_tables_to_appear_in_same_query!(rollout_devices, rollouts);
diesel::allow_tables_to_appear_in_same_query!(rollout_devices, releases);
diesel::allow_tables_to_appear_in_same_query!(variable_values, devices);
