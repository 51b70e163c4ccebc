//! The tables as diesel knows them. A test compares this with what the migrations make.

#![allow(missing_docs)] // the macro's items carry none; the migrations say what a column means

mod of_commands;
mod updates;

// Tests outside of this crate reach it, others do not.
#[allow(unreachable_pub)]
pub use self::of_commands::{commands, commands_ended, ledger};
#[allow(unreachable_pub)]
pub use self::updates::{
    artifact_parts, artifacts, command_rollouts, device_updates, release_files, releases, rollout_devices, rollouts,
    site_update_policies, trust_roots, variable_values,
};

diesel::table! {
    sites (site_id) {
        site_id -> Text,
        name -> Text,
        description -> Nullable<Text>,
        location -> Nullable<Text>,
        open_enrollment -> Bool,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        removed_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    devices (device) {
        device -> BigInt,
        device_id -> Text,
        site_id -> Text,
        name -> Text,
        device_type -> Text,
        ip_address -> Nullable<Text>,
        mac_address -> Nullable<Text>,
        firmware_version -> Nullable<Text>,
        config -> Nullable<Jsonb>,
        source -> Text,
        active -> Bool,
        maintenance -> Bool,
        credential_version -> Integer,
        claim_hash -> Nullable<Binary>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        labels -> Jsonb,
        proof_key -> Nullable<Binary>,
        token_labels -> Jsonb,
        removed_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    device_keys (device, key_id) {
        device -> BigInt,
        key_id -> Text,
        hash -> Text,
        created_at -> Timestamptz,
        expires_at -> Nullable<Timestamptz>,
        revoked_at -> Nullable<Timestamptz>,
        check_tag -> Nullable<Binary>,
    }
}

diesel::table! {
    sessions (device) {
        device -> BigInt,
        session_epoch -> BigInt,
        last_seen_at -> Nullable<Timestamptz>,
        attached_at -> Nullable<Timestamptz>,
        ended -> Bool,
        heartbeat_ms -> Integer,
        replica -> Nullable<Text>,
        agent_version -> Nullable<Text>,
        boot_id -> Nullable<Text>,
        capabilities -> Nullable<Array<Text>>,
        status -> Text,
        status_since -> Nullable<Timestamptz>,
        flap_penalty -> Double,
        flap_penalty_at -> Nullable<Timestamptz>,
        flapping_since -> Nullable<Timestamptz>,
        flapping_until -> Nullable<Timestamptz>,
        changes_not_shown -> Integer,
        change_untold -> Bool,
        takeover_penalty -> Double,
        takeover_penalty_at -> Nullable<Timestamptz>,
        contested_since -> Nullable<Timestamptz>,
        contested_until -> Nullable<Timestamptz>,
        changed_at -> Timestamptz,
        version -> BigInt,
        journal_id -> Nullable<Text>,
        clock_skew_ms -> Nullable<BigInt>,
        opened_at -> Nullable<Timestamptz>,
        since_boot_ms -> Nullable<BigInt>,
    }
}

diesel::table! {
    database_identity (one) {
        one -> Bool,
        system_identifier -> BigInt,
        own_oid -> BigInt,
        restored_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    device_states (device, at, number) {
        device -> BigInt,
        at -> Timestamptz,
        number -> BigInt,
        session_epoch -> BigInt,
        changes_not_shown -> Integer,
        flapping -> Bool,
        status -> Text,
        cause -> Text,
        detail -> Text,
    }
}

diesel::table! {
    operators (name) {
        name -> Text,
        role -> Text,
        site_ids -> Nullable<Array<Text>>,
        token_id -> Text,
        token_hash -> Text,
        created_at -> Timestamptz,
        expires_at -> Nullable<Timestamptz>,
        revoked_at -> Nullable<Timestamptz>,
        check_tag -> Nullable<Binary>,
        made_by -> Nullable<Text>,
        issuer -> Nullable<Text>,
        subject -> Nullable<Text>,
    }
}

diesel::table! {
    enrollment_tokens (token_id) {
        token_id -> Text,
        token_hash -> Text,
        site_id -> Text,
        source -> Text,
        uses_left -> Integer,
        max_uses -> Integer,
        created_by -> Text,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        revoked_at -> Nullable<Timestamptz>,
        labels -> Jsonb,
        check_tag -> Nullable<Binary>,
    }
}

diesel::table! {
    removed_devices (device) {
        device -> BigInt,
        removed_at -> Timestamptz,
        device_id -> Nullable<Text>,
        site_id -> Nullable<Text>,
        version -> Nullable<BigInt>,
        swept -> Bool,
        source -> Text,
    }
}

diesel::table! {
    secrets (name) {
        name -> Text,
        secret -> Binary,
    }
}

diesel::table! {
    server_secrets (fingerprint) {
        fingerprint -> Binary,
        seen_at -> Timestamptz,
    }
}

macro_rules! samples {
    ($(#[doc = $about:literal] $metric:ident $name:ident: $value:ident in $range:tt as $column:ident $more:tt)*) => {
        diesel::table! {
            samples (device, collected_at) {
                device -> BigInt,
                collected_at -> Timestamptz,
                received_at -> Timestamptz,
                $($name -> Nullable<$column>,)*
                collection_interval_ms -> Nullable<Integer>,
                temperatures -> Nullable<Jsonb>,
                extra -> Nullable<Jsonb>,
            }
        }
    };
}
homepot::metric_table!(samples);

diesel::table! {
    packed_samples (device, hour) {
        device -> BigInt,
        hour -> Timestamptz,
        samples -> Integer,
        block -> Binary,
    }
}

diesel::table! {
    packing_progress (only_row) {
        only_row -> Bool,
        packed_to -> Timestamptz,
        packed_device -> BigInt,
    }
}

// Its rows have no key; they are only ever read and deleted by device and hour.
diesel::table! {
    packing_late (device, hour) {
        device -> BigInt,
        hour -> Timestamptz,
        refused -> Bool,
    }
}

diesel::table! {
    device_latest (device) {
        device -> BigInt,
        collected_at -> Timestamptz,
        received_at -> Timestamptz,
        sample -> Binary,
        changed_at -> Timestamptz,
    }
}

diesel::table! {
    rollup_progress (resolution) {
        resolution -> Text,
        claimed_to -> Timestamptz,
        rolled_to -> Timestamptz,
    }
}

diesel::table! {
    maintenance_clock (only_row) {
        only_row -> Bool,
        last_round -> Timestamptz,
    }
}

diesel::table! {
    clock_steps_back (led_to) {
        led_to -> Timestamptz,
        led_from -> Timestamptz,
        noticed_at -> Timestamptz,
    }
}

diesel::table! {
    corrected_samples (device, device_time) {
        device -> BigInt,
        device_time -> Timestamptz,
        collected_at -> Timestamptz,
    }
}

diesel::table! {
    sample_losses (device, start_at, end_at, reason) {
        device -> BigInt,
        start_at -> Timestamptz,
        end_at -> Timestamptz,
        received_at -> Timestamptz,
        samples -> BigInt,
        reason -> Text,
    }
}

diesel::table! {
    runs (run_id) {
        run_id -> Uuid,
        command_type -> Text,
        payload -> Nullable<Jsonb>,
        target -> Jsonb,
        site_ids -> Array<Text>,
        max_in_flight -> Integer,
        max_failures -> Integer,
        time_to_live_ms -> BigInt,
        run_timeout_ms -> Integer,
        state -> Text,
        reason -> Nullable<Text>,
        created_by -> Text,
        idempotency_key -> Nullable<Text>,
        description -> Nullable<Text>,
        created_at -> Timestamptz,
        finished_at -> Nullable<Timestamptz>,
        requested_type -> Nullable<Text>,
        changed_at -> Timestamptz,
    }
}

diesel::table! {
    run_devices (run_id, device) {
        run_id -> Uuid,
        device -> BigInt,
        command_id -> Nullable<Uuid>,
        skipped -> Nullable<Text>,
    }
}

diesel::table! {
    user_activities (at, number) {
        at -> Timestamptz,
        number -> BigInt,
        duration_ms -> Nullable<Integer>,
        activity_type -> Text,
        source -> Text,
        operator -> Text,
        page_url -> Nullable<Text>,
        element_id -> Nullable<Text>,
        search_query -> Nullable<Text>,
        session_id -> Nullable<Text>,
        metadata -> Nullable<Jsonb>,
    }
}

diesel::table! {
    activity_hours (hour) {
        hour -> Timestamptz,
        count -> BigInt,
        durations -> BigInt,
        duration_ms -> BigInt,
        sessions -> BigInt,
        overflow -> Bool,
        activity_type -> Text,
        source -> Text,
        operator -> Text,
        page_url -> Nullable<Text>,
        search_query -> Nullable<Text>,
        session_id -> Nullable<Text>,
    }
}

diesel::table! {
    activity_progress (single) {
        single -> Bool,
        rolled_to -> Timestamptz,
    }
}

diesel::table! {
    activity_late (hour) {
        hour -> Timestamptz,
    }
}

diesel::table! {
    error_groups (hour, fingerprint) {
        hour -> Timestamptz,
        first_seen_at -> Timestamptz,
        last_seen_at -> Timestamptz,
        number -> BigInt,
        count -> BigInt,
        device -> Nullable<BigInt>,
        overflow -> Bool,
        fingerprint -> Binary,
        source -> Text,
        severity -> Text,
        category -> Text,
        site_id -> Nullable<Text>,
        operator -> Nullable<Text>,
        error_code -> Nullable<Text>,
        endpoint -> Nullable<Text>,
        message -> Text,
        stack_trace -> Nullable<Text>,
        user_id -> Nullable<Text>,
        context -> Nullable<Jsonb>,
    }
}

diesel::table! {
    error_reporters (hour, reporter) {
        hour -> Timestamptz,
        reporter -> Text,
        groups -> Integer,
    }
}

diesel::table! {
    operator_sessions (session_id) {
        session_id -> Text,
        secret_hash -> Binary,
        operator -> Text,
        token_id -> Text,
        created_at -> Timestamptz,
        used_at -> Timestamptz,
        revoked_at -> Nullable<Timestamptz>,
        authenticated_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    sign_in_codes (code_id) {
        code_id -> Text,
        secret_hash -> Binary,
        operator -> Text,
        token_id -> Text,
        created_at -> Timestamptz,
        authenticated_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    finished_sign_ins (attempt) {
        attempt -> Binary,
        finished_at -> Timestamptz,
    }
}

diesel::table! {
    schema_bears (one) {
        one -> Bool,
        oldest_migration -> Text,
    }
}

diesel::joinable!(operator_sessions -> operators (operator));
diesel::joinable!(sign_in_codes -> operators (operator));
diesel::allow_tables_to_appear_in_same_query!(operator_sessions, operators);
diesel::allow_tables_to_appear_in_same_query!(sign_in_codes, operators);
diesel::joinable!(devices -> sites (site_id));
diesel::joinable!(device_keys -> devices (device));
diesel::joinable!(sessions -> devices (device));
diesel::joinable!(device_latest -> devices (device));
diesel::joinable!(commands -> devices (device));
diesel::joinable!(ledger -> devices (device));
diesel::joinable!(run_devices -> devices (device));
diesel::allow_tables_to_appear_in_same_query!(
    commands,
    device_keys,
    device_latest,
    devices,
    ledger,
    run_devices,
    sessions,
    sites
);
// Whether anything was corrected is asked along with how far rollups are.
diesel::allow_tables_to_appear_in_same_query!(corrected_samples, rollup_progress);
