--
-- PostgreSQL database dump
--


-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: __diesel_schema_migrations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.__diesel_schema_migrations (
    version character varying(50) NOT NULL,
    run_on timestamp without time zone DEFAULT CURRENT_TIMESTAMP NOT NULL
);


--
-- Name: commands; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.commands (
    command_id uuid NOT NULL,
    device bigint NOT NULL,
    command_type text NOT NULL,
    payload jsonb,
    state text DEFAULT 'queued'::text NOT NULL,
    reason text,
    result jsonb,
    created_by text NOT NULL,
    idempotency_key text,
    safe_to_repeat boolean NOT NULL,
    deliveries integer DEFAULT 0 NOT NULL,
    run_timeout_ms integer NOT NULL,
    session_epoch bigint,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    sent_at timestamp with time zone,
    acknowledged_at timestamp with time zone,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    run_id uuid,
    journal_id text,
    handed_on boolean DEFAULT false NOT NULL,
    cancel_requested_at timestamp with time zone,
    cancel_cause text,
    cancel_told bigint,
    history jsonb DEFAULT '[]'::jsonb NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT commands_state_check CHECK ((state = ANY (ARRAY['queued'::text, 'sent'::text, 'acknowledged'::text, 'running'::text, 'succeeded'::text, 'failed'::text, 'rejected'::text, 'expired'::text, 'cancelled'::text, 'unknown'::text])))
);


--
-- Name: device_keys; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.device_keys (
    device bigint NOT NULL,
    key_id text NOT NULL COLLATE pg_catalog."C",
    hash text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone
);


--
-- Name: device_latest; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.device_latest (
    device bigint NOT NULL,
    collected_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    sample bytea NOT NULL
)
WITH (fillfactor='50');


--
-- Name: device_states; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.device_states (
    device bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    number bigint NOT NULL,
    session_epoch bigint NOT NULL,
    changes_not_shown integer NOT NULL,
    flapping boolean NOT NULL,
    status text NOT NULL,
    cause text NOT NULL,
    detail text NOT NULL,
    CONSTRAINT device_states_status_check CHECK ((status = ANY (ARRAY['unknown'::text, 'online'::text, 'offline'::text])))
)
PARTITION BY RANGE (at);


--
-- Name: device_states_number; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.device_states_number
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: device_states_number; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.device_states_number OWNED BY public.device_states.number;


--
-- Name: device_states_20261116; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.device_states_20261116 (
    device bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    number bigint DEFAULT nextval('public.device_states_number'::regclass) NOT NULL,
    session_epoch bigint NOT NULL,
    changes_not_shown integer NOT NULL,
    flapping boolean NOT NULL,
    status text NOT NULL,
    cause text NOT NULL,
    detail text NOT NULL,
    CONSTRAINT device_states_status_check CHECK ((status = ANY (ARRAY['unknown'::text, 'online'::text, 'offline'::text])))
);


--
-- Name: device_states_20261123; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.device_states_20261123 (
    device bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    number bigint DEFAULT nextval('public.device_states_number'::regclass) NOT NULL,
    session_epoch bigint NOT NULL,
    changes_not_shown integer NOT NULL,
    flapping boolean NOT NULL,
    status text NOT NULL,
    cause text NOT NULL,
    detail text NOT NULL,
    CONSTRAINT device_states_status_check CHECK ((status = ANY (ARRAY['unknown'::text, 'online'::text, 'offline'::text])))
);


--
-- Name: devices; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.devices (
    device bigint NOT NULL,
    device_id text NOT NULL COLLATE pg_catalog."C",
    site_id text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL,
    device_type text NOT NULL,
    ip_address text,
    mac_address text,
    firmware_version text,
    config jsonb,
    source text NOT NULL,
    active boolean DEFAULT true NOT NULL,
    maintenance boolean DEFAULT false NOT NULL,
    credential_version integer DEFAULT 1 NOT NULL,
    claim_hash bytea,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    labels jsonb DEFAULT '{}'::jsonb NOT NULL,
    proof_key bytea,
    token_labels jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT devices_labels_check CHECK ((jsonb_typeof(labels) = 'object'::text)),
    CONSTRAINT devices_proof_key_check CHECK ((length(proof_key) = 32)),
    CONSTRAINT devices_source_check CHECK ((source = ANY (ARRAY['real'::text, 'simulated'::text]))),
    CONSTRAINT devices_token_labels_check CHECK ((jsonb_typeof(token_labels) = 'object'::text))
);


--
-- Name: devices_device_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.devices ALTER COLUMN device ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.devices_device_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: enrollment_tokens; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.enrollment_tokens (
    token_id text NOT NULL COLLATE pg_catalog."C",
    token_hash text NOT NULL,
    site_id text NOT NULL COLLATE pg_catalog."C",
    source text NOT NULL,
    uses_left integer NOT NULL,
    max_uses integer NOT NULL,
    created_by text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    labels jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT enrollment_tokens_check CHECK ((max_uses >= uses_left)),
    CONSTRAINT enrollment_tokens_labels_check CHECK ((jsonb_typeof(labels) = 'object'::text)),
    CONSTRAINT enrollment_tokens_source_check CHECK ((source = ANY (ARRAY['real'::text, 'simulated'::text]))),
    CONSTRAINT enrollment_tokens_uses_left_check CHECK ((uses_left >= 0))
);


--
-- Name: error_groups; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.error_groups (
    hour timestamp with time zone NOT NULL,
    first_seen_at timestamp with time zone NOT NULL,
    last_seen_at timestamp with time zone NOT NULL,
    number bigint NOT NULL,
    count bigint NOT NULL,
    device bigint,
    overflow boolean NOT NULL,
    fingerprint bytea NOT NULL,
    source text NOT NULL,
    severity text NOT NULL,
    category text NOT NULL,
    site_id text COLLATE pg_catalog."C",
    operator text COLLATE pg_catalog."C",
    error_code text,
    endpoint text,
    message text NOT NULL,
    stack_trace text,
    user_id text,
    context jsonb,
    CONSTRAINT error_groups_count_check CHECK ((count > 0)),
    CONSTRAINT error_groups_fingerprint_check CHECK ((length(fingerprint) = 16)),
    CONSTRAINT error_groups_source_check CHECK ((source = ANY (ARRAY['real'::text, 'simulated'::text])))
)
PARTITION BY RANGE (hour);


--
-- Name: error_groups_number; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.error_groups_number
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: error_groups_number; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.error_groups_number OWNED BY public.error_groups.number;


--
-- Name: error_groups_20261116; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.error_groups_20261116 (
    hour timestamp with time zone NOT NULL,
    first_seen_at timestamp with time zone NOT NULL,
    last_seen_at timestamp with time zone NOT NULL,
    number bigint DEFAULT nextval('public.error_groups_number'::regclass) NOT NULL,
    count bigint NOT NULL,
    device bigint,
    overflow boolean NOT NULL,
    fingerprint bytea NOT NULL,
    source text NOT NULL,
    severity text NOT NULL,
    category text NOT NULL,
    site_id text COLLATE pg_catalog."C",
    operator text COLLATE pg_catalog."C",
    error_code text,
    endpoint text,
    message text NOT NULL,
    stack_trace text,
    user_id text,
    context jsonb,
    CONSTRAINT error_groups_count_check CHECK ((count > 0)),
    CONSTRAINT error_groups_fingerprint_check CHECK ((length(fingerprint) = 16)),
    CONSTRAINT error_groups_source_check CHECK ((source = ANY (ARRAY['real'::text, 'simulated'::text])))
);


--
-- Name: error_groups_20261123; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.error_groups_20261123 (
    hour timestamp with time zone NOT NULL,
    first_seen_at timestamp with time zone NOT NULL,
    last_seen_at timestamp with time zone NOT NULL,
    number bigint DEFAULT nextval('public.error_groups_number'::regclass) NOT NULL,
    count bigint NOT NULL,
    device bigint,
    overflow boolean NOT NULL,
    fingerprint bytea NOT NULL,
    source text NOT NULL,
    severity text NOT NULL,
    category text NOT NULL,
    site_id text COLLATE pg_catalog."C",
    operator text COLLATE pg_catalog."C",
    error_code text,
    endpoint text,
    message text NOT NULL,
    stack_trace text,
    user_id text,
    context jsonb,
    CONSTRAINT error_groups_count_check CHECK ((count > 0)),
    CONSTRAINT error_groups_fingerprint_check CHECK ((length(fingerprint) = 16)),
    CONSTRAINT error_groups_source_check CHECK ((source = ANY (ARRAY['real'::text, 'simulated'::text])))
);


--
-- Name: error_reporters; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.error_reporters (
    hour timestamp with time zone NOT NULL,
    reporter text NOT NULL COLLATE pg_catalog."C",
    groups integer NOT NULL
)
WITH (fillfactor='50');


--
-- Name: operators; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.operators (
    name text NOT NULL COLLATE pg_catalog."C",
    role text NOT NULL,
    site_ids text[],
    token_id text NOT NULL COLLATE pg_catalog."C",
    token_hash text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    CONSTRAINT operators_role_check CHECK ((role = ANY (ARRAY['viewer'::text, 'operator'::text, 'admin'::text])))
);


--
-- Name: removed_devices; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.removed_devices (
    device bigint NOT NULL,
    removed_at timestamp with time zone DEFAULT now() NOT NULL,
    device_id text,
    site_id text,
    version bigint,
    swept boolean DEFAULT false NOT NULL
);


--
-- Name: rollup_1h; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.rollup_1h (
    device bigint NOT NULL,
    bucket timestamp with time zone NOT NULL,
    cpu_percent_sum double precision,
    memory_percent_sum double precision,
    disk_percent_sum double precision,
    swap_percent_sum double precision,
    load_1m_sum double precision,
    load_5m_sum double precision,
    load_15m_sum double precision,
    network_latency_ms_sum double precision,
    transaction_count_sum double precision,
    transaction_count_min double precision,
    transaction_count_max double precision,
    transaction_count_last double precision,
    transaction_volume_sum double precision,
    transaction_volume_min double precision,
    transaction_volume_max double precision,
    transaction_volume_last double precision,
    error_rate_sum double precision,
    active_connections_sum double precision,
    active_connections_min double precision,
    active_connections_max double precision,
    active_connections_last double precision,
    queue_depth_sum double precision,
    queue_depth_min double precision,
    queue_depth_max double precision,
    queue_depth_last double precision,
    bytes_sent_sum double precision,
    bytes_sent_min double precision,
    bytes_sent_max double precision,
    bytes_sent_last double precision,
    bytes_received_sum double precision,
    bytes_received_min double precision,
    bytes_received_max double precision,
    bytes_received_last double precision,
    uptime_seconds_sum double precision,
    uptime_seconds_min double precision,
    uptime_seconds_max double precision,
    uptime_seconds_last double precision,
    cpu_percent_min real,
    cpu_percent_max real,
    cpu_percent_last real,
    cpu_percent_count integer,
    memory_percent_min real,
    memory_percent_max real,
    memory_percent_last real,
    memory_percent_count integer,
    disk_percent_min real,
    disk_percent_max real,
    disk_percent_last real,
    disk_percent_count integer,
    swap_percent_min real,
    swap_percent_max real,
    swap_percent_last real,
    swap_percent_count integer,
    load_1m_min real,
    load_1m_max real,
    load_1m_last real,
    load_1m_count integer,
    load_5m_min real,
    load_5m_max real,
    load_5m_last real,
    load_5m_count integer,
    load_15m_min real,
    load_15m_max real,
    load_15m_last real,
    load_15m_count integer,
    network_latency_ms_min real,
    network_latency_ms_max real,
    network_latency_ms_last real,
    network_latency_ms_count integer,
    transaction_count_count integer,
    transaction_volume_count integer,
    error_rate_min real,
    error_rate_max real,
    error_rate_last real,
    error_rate_count integer,
    active_connections_count integer,
    queue_depth_count integer,
    bytes_sent_count integer,
    bytes_received_count integer,
    uptime_seconds_count integer
)
PARTITION BY RANGE (bucket);


--
-- Name: rollup_1h_20261101; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.rollup_1h_20261101 (
    device bigint NOT NULL,
    bucket timestamp with time zone NOT NULL,
    cpu_percent_sum double precision,
    memory_percent_sum double precision,
    disk_percent_sum double precision,
    swap_percent_sum double precision,
    load_1m_sum double precision,
    load_5m_sum double precision,
    load_15m_sum double precision,
    network_latency_ms_sum double precision,
    transaction_count_sum double precision,
    transaction_count_min double precision,
    transaction_count_max double precision,
    transaction_count_last double precision,
    transaction_volume_sum double precision,
    transaction_volume_min double precision,
    transaction_volume_max double precision,
    transaction_volume_last double precision,
    error_rate_sum double precision,
    active_connections_sum double precision,
    active_connections_min double precision,
    active_connections_max double precision,
    active_connections_last double precision,
    queue_depth_sum double precision,
    queue_depth_min double precision,
    queue_depth_max double precision,
    queue_depth_last double precision,
    bytes_sent_sum double precision,
    bytes_sent_min double precision,
    bytes_sent_max double precision,
    bytes_sent_last double precision,
    bytes_received_sum double precision,
    bytes_received_min double precision,
    bytes_received_max double precision,
    bytes_received_last double precision,
    uptime_seconds_sum double precision,
    uptime_seconds_min double precision,
    uptime_seconds_max double precision,
    uptime_seconds_last double precision,
    cpu_percent_min real,
    cpu_percent_max real,
    cpu_percent_last real,
    cpu_percent_count integer,
    memory_percent_min real,
    memory_percent_max real,
    memory_percent_last real,
    memory_percent_count integer,
    disk_percent_min real,
    disk_percent_max real,
    disk_percent_last real,
    disk_percent_count integer,
    swap_percent_min real,
    swap_percent_max real,
    swap_percent_last real,
    swap_percent_count integer,
    load_1m_min real,
    load_1m_max real,
    load_1m_last real,
    load_1m_count integer,
    load_5m_min real,
    load_5m_max real,
    load_5m_last real,
    load_5m_count integer,
    load_15m_min real,
    load_15m_max real,
    load_15m_last real,
    load_15m_count integer,
    network_latency_ms_min real,
    network_latency_ms_max real,
    network_latency_ms_last real,
    network_latency_ms_count integer,
    transaction_count_count integer,
    transaction_volume_count integer,
    error_rate_min real,
    error_rate_max real,
    error_rate_last real,
    error_rate_count integer,
    active_connections_count integer,
    queue_depth_count integer,
    bytes_sent_count integer,
    bytes_received_count integer,
    uptime_seconds_count integer
);


--
-- Name: rollup_1m; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.rollup_1m (
    device bigint NOT NULL,
    bucket timestamp with time zone NOT NULL,
    cpu_percent_sum double precision,
    memory_percent_sum double precision,
    disk_percent_sum double precision,
    swap_percent_sum double precision,
    load_1m_sum double precision,
    load_5m_sum double precision,
    load_15m_sum double precision,
    network_latency_ms_sum double precision,
    transaction_count_sum double precision,
    transaction_count_min double precision,
    transaction_count_max double precision,
    transaction_count_last double precision,
    transaction_volume_sum double precision,
    transaction_volume_min double precision,
    transaction_volume_max double precision,
    transaction_volume_last double precision,
    error_rate_sum double precision,
    active_connections_sum double precision,
    active_connections_min double precision,
    active_connections_max double precision,
    active_connections_last double precision,
    queue_depth_sum double precision,
    queue_depth_min double precision,
    queue_depth_max double precision,
    queue_depth_last double precision,
    bytes_sent_sum double precision,
    bytes_sent_min double precision,
    bytes_sent_max double precision,
    bytes_sent_last double precision,
    bytes_received_sum double precision,
    bytes_received_min double precision,
    bytes_received_max double precision,
    bytes_received_last double precision,
    uptime_seconds_sum double precision,
    uptime_seconds_min double precision,
    uptime_seconds_max double precision,
    uptime_seconds_last double precision,
    cpu_percent_min real,
    cpu_percent_max real,
    cpu_percent_last real,
    cpu_percent_count integer,
    memory_percent_min real,
    memory_percent_max real,
    memory_percent_last real,
    memory_percent_count integer,
    disk_percent_min real,
    disk_percent_max real,
    disk_percent_last real,
    disk_percent_count integer,
    swap_percent_min real,
    swap_percent_max real,
    swap_percent_last real,
    swap_percent_count integer,
    load_1m_min real,
    load_1m_max real,
    load_1m_last real,
    load_1m_count integer,
    load_5m_min real,
    load_5m_max real,
    load_5m_last real,
    load_5m_count integer,
    load_15m_min real,
    load_15m_max real,
    load_15m_last real,
    load_15m_count integer,
    network_latency_ms_min real,
    network_latency_ms_max real,
    network_latency_ms_last real,
    network_latency_ms_count integer,
    transaction_count_count integer,
    transaction_volume_count integer,
    error_rate_min real,
    error_rate_max real,
    error_rate_last real,
    error_rate_count integer,
    active_connections_count integer,
    queue_depth_count integer,
    bytes_sent_count integer,
    bytes_received_count integer,
    uptime_seconds_count integer
)
PARTITION BY RANGE (bucket);


--
-- Name: rollup_1m_20261116; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.rollup_1m_20261116 (
    device bigint NOT NULL,
    bucket timestamp with time zone NOT NULL,
    cpu_percent_sum double precision,
    memory_percent_sum double precision,
    disk_percent_sum double precision,
    swap_percent_sum double precision,
    load_1m_sum double precision,
    load_5m_sum double precision,
    load_15m_sum double precision,
    network_latency_ms_sum double precision,
    transaction_count_sum double precision,
    transaction_count_min double precision,
    transaction_count_max double precision,
    transaction_count_last double precision,
    transaction_volume_sum double precision,
    transaction_volume_min double precision,
    transaction_volume_max double precision,
    transaction_volume_last double precision,
    error_rate_sum double precision,
    active_connections_sum double precision,
    active_connections_min double precision,
    active_connections_max double precision,
    active_connections_last double precision,
    queue_depth_sum double precision,
    queue_depth_min double precision,
    queue_depth_max double precision,
    queue_depth_last double precision,
    bytes_sent_sum double precision,
    bytes_sent_min double precision,
    bytes_sent_max double precision,
    bytes_sent_last double precision,
    bytes_received_sum double precision,
    bytes_received_min double precision,
    bytes_received_max double precision,
    bytes_received_last double precision,
    uptime_seconds_sum double precision,
    uptime_seconds_min double precision,
    uptime_seconds_max double precision,
    uptime_seconds_last double precision,
    cpu_percent_min real,
    cpu_percent_max real,
    cpu_percent_last real,
    cpu_percent_count integer,
    memory_percent_min real,
    memory_percent_max real,
    memory_percent_last real,
    memory_percent_count integer,
    disk_percent_min real,
    disk_percent_max real,
    disk_percent_last real,
    disk_percent_count integer,
    swap_percent_min real,
    swap_percent_max real,
    swap_percent_last real,
    swap_percent_count integer,
    load_1m_min real,
    load_1m_max real,
    load_1m_last real,
    load_1m_count integer,
    load_5m_min real,
    load_5m_max real,
    load_5m_last real,
    load_5m_count integer,
    load_15m_min real,
    load_15m_max real,
    load_15m_last real,
    load_15m_count integer,
    network_latency_ms_min real,
    network_latency_ms_max real,
    network_latency_ms_last real,
    network_latency_ms_count integer,
    transaction_count_count integer,
    transaction_volume_count integer,
    error_rate_min real,
    error_rate_max real,
    error_rate_last real,
    error_rate_count integer,
    active_connections_count integer,
    queue_depth_count integer,
    bytes_sent_count integer,
    bytes_received_count integer,
    uptime_seconds_count integer
);


--
-- Name: rollup_1m_20261123; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.rollup_1m_20261123 (
    device bigint NOT NULL,
    bucket timestamp with time zone NOT NULL,
    cpu_percent_sum double precision,
    memory_percent_sum double precision,
    disk_percent_sum double precision,
    swap_percent_sum double precision,
    load_1m_sum double precision,
    load_5m_sum double precision,
    load_15m_sum double precision,
    network_latency_ms_sum double precision,
    transaction_count_sum double precision,
    transaction_count_min double precision,
    transaction_count_max double precision,
    transaction_count_last double precision,
    transaction_volume_sum double precision,
    transaction_volume_min double precision,
    transaction_volume_max double precision,
    transaction_volume_last double precision,
    error_rate_sum double precision,
    active_connections_sum double precision,
    active_connections_min double precision,
    active_connections_max double precision,
    active_connections_last double precision,
    queue_depth_sum double precision,
    queue_depth_min double precision,
    queue_depth_max double precision,
    queue_depth_last double precision,
    bytes_sent_sum double precision,
    bytes_sent_min double precision,
    bytes_sent_max double precision,
    bytes_sent_last double precision,
    bytes_received_sum double precision,
    bytes_received_min double precision,
    bytes_received_max double precision,
    bytes_received_last double precision,
    uptime_seconds_sum double precision,
    uptime_seconds_min double precision,
    uptime_seconds_max double precision,
    uptime_seconds_last double precision,
    cpu_percent_min real,
    cpu_percent_max real,
    cpu_percent_last real,
    cpu_percent_count integer,
    memory_percent_min real,
    memory_percent_max real,
    memory_percent_last real,
    memory_percent_count integer,
    disk_percent_min real,
    disk_percent_max real,
    disk_percent_last real,
    disk_percent_count integer,
    swap_percent_min real,
    swap_percent_max real,
    swap_percent_last real,
    swap_percent_count integer,
    load_1m_min real,
    load_1m_max real,
    load_1m_last real,
    load_1m_count integer,
    load_5m_min real,
    load_5m_max real,
    load_5m_last real,
    load_5m_count integer,
    load_15m_min real,
    load_15m_max real,
    load_15m_last real,
    load_15m_count integer,
    network_latency_ms_min real,
    network_latency_ms_max real,
    network_latency_ms_last real,
    network_latency_ms_count integer,
    transaction_count_count integer,
    transaction_volume_count integer,
    error_rate_min real,
    error_rate_max real,
    error_rate_last real,
    error_rate_count integer,
    active_connections_count integer,
    queue_depth_count integer,
    bytes_sent_count integer,
    bytes_received_count integer,
    uptime_seconds_count integer
);


--
-- Name: rollup_late; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.rollup_late (
    device bigint NOT NULL,
    bucket timestamp with time zone NOT NULL
);


--
-- Name: rollup_progress; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.rollup_progress (
    resolution text NOT NULL,
    claimed_to timestamp with time zone NOT NULL,
    rolled_to timestamp with time zone NOT NULL
);


--
-- Name: run_devices; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.run_devices (
    run_id uuid NOT NULL,
    device bigint NOT NULL,
    command_id uuid,
    skipped text
);


--
-- Name: runs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.runs (
    run_id uuid NOT NULL,
    command_type text NOT NULL,
    payload jsonb,
    target jsonb NOT NULL,
    site_ids text[] NOT NULL,
    max_in_flight integer NOT NULL,
    max_failures integer NOT NULL,
    time_to_live_ms bigint NOT NULL,
    run_timeout_ms integer NOT NULL,
    state text DEFAULT 'running'::text NOT NULL,
    reason text,
    created_by text NOT NULL,
    idempotency_key text,
    description text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT runs_state_check CHECK ((state = ANY (ARRAY['running'::text, 'paused'::text, 'halted'::text, 'completed'::text, 'cancelled'::text])))
);


--
-- Name: sample_losses; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sample_losses (
    device bigint NOT NULL,
    start_at timestamp with time zone NOT NULL,
    end_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    samples bigint NOT NULL,
    reason text NOT NULL
);


--
-- Name: samples; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.samples (
    device bigint NOT NULL,
    collected_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    transaction_count bigint,
    transaction_volume double precision,
    bytes_sent bigint,
    bytes_received bigint,
    uptime_seconds bigint,
    active_connections integer,
    queue_depth integer,
    collection_interval_ms integer,
    cpu_percent real,
    memory_percent real,
    disk_percent real,
    swap_percent real,
    load_1m real,
    load_5m real,
    load_15m real,
    network_latency_ms real,
    error_rate real,
    temperatures jsonb,
    extra jsonb
)
PARTITION BY RANGE (collected_at);


--
-- Name: samples_20261119; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.samples_20261119 (
    device bigint NOT NULL,
    collected_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    transaction_count bigint,
    transaction_volume double precision,
    bytes_sent bigint,
    bytes_received bigint,
    uptime_seconds bigint,
    active_connections integer,
    queue_depth integer,
    collection_interval_ms integer,
    cpu_percent real,
    memory_percent real,
    disk_percent real,
    swap_percent real,
    load_1m real,
    load_5m real,
    load_15m real,
    network_latency_ms real,
    error_rate real,
    temperatures jsonb,
    extra jsonb
);


--
-- Name: samples_20261120; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.samples_20261120 (
    device bigint NOT NULL,
    collected_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    transaction_count bigint,
    transaction_volume double precision,
    bytes_sent bigint,
    bytes_received bigint,
    uptime_seconds bigint,
    active_connections integer,
    queue_depth integer,
    collection_interval_ms integer,
    cpu_percent real,
    memory_percent real,
    disk_percent real,
    swap_percent real,
    load_1m real,
    load_5m real,
    load_15m real,
    network_latency_ms real,
    error_rate real,
    temperatures jsonb,
    extra jsonb
);


--
-- Name: samples_20261121; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.samples_20261121 (
    device bigint NOT NULL,
    collected_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    transaction_count bigint,
    transaction_volume double precision,
    bytes_sent bigint,
    bytes_received bigint,
    uptime_seconds bigint,
    active_connections integer,
    queue_depth integer,
    collection_interval_ms integer,
    cpu_percent real,
    memory_percent real,
    disk_percent real,
    swap_percent real,
    load_1m real,
    load_5m real,
    load_15m real,
    network_latency_ms real,
    error_rate real,
    temperatures jsonb,
    extra jsonb
);


--
-- Name: samples_20261122; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.samples_20261122 (
    device bigint NOT NULL,
    collected_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    transaction_count bigint,
    transaction_volume double precision,
    bytes_sent bigint,
    bytes_received bigint,
    uptime_seconds bigint,
    active_connections integer,
    queue_depth integer,
    collection_interval_ms integer,
    cpu_percent real,
    memory_percent real,
    disk_percent real,
    swap_percent real,
    load_1m real,
    load_5m real,
    load_15m real,
    network_latency_ms real,
    error_rate real,
    temperatures jsonb,
    extra jsonb
);


--
-- Name: samples_20261123; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.samples_20261123 (
    device bigint NOT NULL,
    collected_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    transaction_count bigint,
    transaction_volume double precision,
    bytes_sent bigint,
    bytes_received bigint,
    uptime_seconds bigint,
    active_connections integer,
    queue_depth integer,
    collection_interval_ms integer,
    cpu_percent real,
    memory_percent real,
    disk_percent real,
    swap_percent real,
    load_1m real,
    load_5m real,
    load_15m real,
    network_latency_ms real,
    error_rate real,
    temperatures jsonb,
    extra jsonb
);


--
-- Name: samples_20261124; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.samples_20261124 (
    device bigint NOT NULL,
    collected_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    transaction_count bigint,
    transaction_volume double precision,
    bytes_sent bigint,
    bytes_received bigint,
    uptime_seconds bigint,
    active_connections integer,
    queue_depth integer,
    collection_interval_ms integer,
    cpu_percent real,
    memory_percent real,
    disk_percent real,
    swap_percent real,
    load_1m real,
    load_5m real,
    load_15m real,
    network_latency_ms real,
    error_rate real,
    temperatures jsonb,
    extra jsonb
);


--
-- Name: samples_20261125; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.samples_20261125 (
    device bigint NOT NULL,
    collected_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    transaction_count bigint,
    transaction_volume double precision,
    bytes_sent bigint,
    bytes_received bigint,
    uptime_seconds bigint,
    active_connections integer,
    queue_depth integer,
    collection_interval_ms integer,
    cpu_percent real,
    memory_percent real,
    disk_percent real,
    swap_percent real,
    load_1m real,
    load_5m real,
    load_15m real,
    network_latency_ms real,
    error_rate real,
    temperatures jsonb,
    extra jsonb
);


--
-- Name: samples_20261126; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.samples_20261126 (
    device bigint NOT NULL,
    collected_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    transaction_count bigint,
    transaction_volume double precision,
    bytes_sent bigint,
    bytes_received bigint,
    uptime_seconds bigint,
    active_connections integer,
    queue_depth integer,
    collection_interval_ms integer,
    cpu_percent real,
    memory_percent real,
    disk_percent real,
    swap_percent real,
    load_1m real,
    load_5m real,
    load_15m real,
    network_latency_ms real,
    error_rate real,
    temperatures jsonb,
    extra jsonb
);


--
-- Name: samples_20261127; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.samples_20261127 (
    device bigint NOT NULL,
    collected_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    transaction_count bigint,
    transaction_volume double precision,
    bytes_sent bigint,
    bytes_received bigint,
    uptime_seconds bigint,
    active_connections integer,
    queue_depth integer,
    collection_interval_ms integer,
    cpu_percent real,
    memory_percent real,
    disk_percent real,
    swap_percent real,
    load_1m real,
    load_5m real,
    load_15m real,
    network_latency_ms real,
    error_rate real,
    temperatures jsonb,
    extra jsonb
);


--
-- Name: samples_20261128; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.samples_20261128 (
    device bigint NOT NULL,
    collected_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    transaction_count bigint,
    transaction_volume double precision,
    bytes_sent bigint,
    bytes_received bigint,
    uptime_seconds bigint,
    active_connections integer,
    queue_depth integer,
    collection_interval_ms integer,
    cpu_percent real,
    memory_percent real,
    disk_percent real,
    swap_percent real,
    load_1m real,
    load_5m real,
    load_15m real,
    network_latency_ms real,
    error_rate real,
    temperatures jsonb,
    extra jsonb
);


--
-- Name: samples_20261129; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.samples_20261129 (
    device bigint NOT NULL,
    collected_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    transaction_count bigint,
    transaction_volume double precision,
    bytes_sent bigint,
    bytes_received bigint,
    uptime_seconds bigint,
    active_connections integer,
    queue_depth integer,
    collection_interval_ms integer,
    cpu_percent real,
    memory_percent real,
    disk_percent real,
    swap_percent real,
    load_1m real,
    load_5m real,
    load_15m real,
    network_latency_ms real,
    error_rate real,
    temperatures jsonb,
    extra jsonb
);


--
-- Name: secrets; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.secrets (
    name text NOT NULL COLLATE pg_catalog."C",
    secret bytea NOT NULL,
    CONSTRAINT secrets_secret_check CHECK ((length(secret) = 32))
);


--
-- Name: sessions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sessions (
    device bigint NOT NULL,
    session_epoch bigint DEFAULT 0 NOT NULL,
    last_seen_at timestamp with time zone,
    attached_at timestamp with time zone,
    ended boolean DEFAULT false NOT NULL,
    heartbeat_ms integer DEFAULT 0 NOT NULL,
    replica text,
    agent_version text,
    boot_id text,
    capabilities text[],
    status text DEFAULT 'unknown'::text NOT NULL,
    status_since timestamp with time zone,
    flap_penalty double precision DEFAULT 0 NOT NULL,
    flap_penalty_at timestamp with time zone,
    flapping_since timestamp with time zone,
    flapping_until timestamp with time zone,
    changes_not_shown integer DEFAULT 0 NOT NULL,
    change_untold boolean DEFAULT false NOT NULL,
    takeover_penalty double precision DEFAULT 0 NOT NULL,
    takeover_penalty_at timestamp with time zone,
    contested_since timestamp with time zone,
    contested_until timestamp with time zone,
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    version bigint DEFAULT ((EXTRACT(epoch FROM clock_timestamp()) * (1000000)::numeric))::bigint NOT NULL,
    journal_id text,
    CONSTRAINT sessions_status_check CHECK ((status = ANY (ARRAY['unknown'::text, 'online'::text, 'offline'::text])))
)
WITH (fillfactor='50');


--
-- Name: sites; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sites (
    site_id text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL,
    description text,
    location text,
    open_enrollment boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: user_activities; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.user_activities (
    at timestamp with time zone NOT NULL,
    number bigint NOT NULL,
    duration_ms integer,
    activity_type text NOT NULL,
    source text NOT NULL,
    operator text NOT NULL COLLATE pg_catalog."C",
    page_url text,
    element_id text,
    search_query text,
    session_id text,
    metadata jsonb,
    CONSTRAINT user_activities_source_check CHECK ((source = ANY (ARRAY['real'::text, 'simulated'::text])))
)
PARTITION BY RANGE (at);


--
-- Name: user_activities_number; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.user_activities_number
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: user_activities_number; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.user_activities_number OWNED BY public.user_activities.number;


--
-- Name: user_activities_20261116; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.user_activities_20261116 (
    at timestamp with time zone NOT NULL,
    number bigint DEFAULT nextval('public.user_activities_number'::regclass) NOT NULL,
    duration_ms integer,
    activity_type text NOT NULL,
    source text NOT NULL,
    operator text NOT NULL COLLATE pg_catalog."C",
    page_url text,
    element_id text,
    search_query text,
    session_id text,
    metadata jsonb,
    CONSTRAINT user_activities_source_check CHECK ((source = ANY (ARRAY['real'::text, 'simulated'::text])))
);


--
-- Name: user_activities_20261123; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.user_activities_20261123 (
    at timestamp with time zone NOT NULL,
    number bigint DEFAULT nextval('public.user_activities_number'::regclass) NOT NULL,
    duration_ms integer,
    activity_type text NOT NULL,
    source text NOT NULL,
    operator text NOT NULL COLLATE pg_catalog."C",
    page_url text,
    element_id text,
    search_query text,
    session_id text,
    metadata jsonb,
    CONSTRAINT user_activities_source_check CHECK ((source = ANY (ARRAY['real'::text, 'simulated'::text])))
);


--
-- Name: device_states_20261116; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.device_states ATTACH PARTITION public.device_states_20261116 FOR VALUES FROM ('2026-11-16 00:00:00+00') TO ('2026-11-23 00:00:00+00');


--
-- Name: device_states_20261123; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.device_states ATTACH PARTITION public.device_states_20261123 FOR VALUES FROM ('2026-11-23 00:00:00+00') TO ('2026-11-30 00:00:00+00');


--
-- Name: error_groups_20261116; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.error_groups ATTACH PARTITION public.error_groups_20261116 FOR VALUES FROM ('2026-11-16 00:00:00+00') TO ('2026-11-23 00:00:00+00');


--
-- Name: error_groups_20261123; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.error_groups ATTACH PARTITION public.error_groups_20261123 FOR VALUES FROM ('2026-11-23 00:00:00+00') TO ('2026-11-30 00:00:00+00');


--
-- Name: rollup_1h_20261101; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.rollup_1h ATTACH PARTITION public.rollup_1h_20261101 FOR VALUES FROM ('2026-11-01 00:00:00+00') TO ('2026-12-01 00:00:00+00');


--
-- Name: rollup_1m_20261116; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.rollup_1m ATTACH PARTITION public.rollup_1m_20261116 FOR VALUES FROM ('2026-11-16 00:00:00+00') TO ('2026-11-23 00:00:00+00');


--
-- Name: rollup_1m_20261123; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.rollup_1m ATTACH PARTITION public.rollup_1m_20261123 FOR VALUES FROM ('2026-11-23 00:00:00+00') TO ('2026-11-30 00:00:00+00');


--
-- Name: samples_20261119; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.samples ATTACH PARTITION public.samples_20261119 FOR VALUES FROM ('2026-11-19 00:00:00+00') TO ('2026-11-20 00:00:00+00');


--
-- Name: samples_20261120; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.samples ATTACH PARTITION public.samples_20261120 FOR VALUES FROM ('2026-11-20 00:00:00+00') TO ('2026-11-21 00:00:00+00');


--
-- Name: samples_20261121; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.samples ATTACH PARTITION public.samples_20261121 FOR VALUES FROM ('2026-11-21 00:00:00+00') TO ('2026-11-22 00:00:00+00');


--
-- Name: samples_20261122; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.samples ATTACH PARTITION public.samples_20261122 FOR VALUES FROM ('2026-11-22 00:00:00+00') TO ('2026-11-23 00:00:00+00');


--
-- Name: samples_20261123; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.samples ATTACH PARTITION public.samples_20261123 FOR VALUES FROM ('2026-11-23 00:00:00+00') TO ('2026-11-24 00:00:00+00');


--
-- Name: samples_20261124; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.samples ATTACH PARTITION public.samples_20261124 FOR VALUES FROM ('2026-11-24 00:00:00+00') TO ('2026-11-25 00:00:00+00');


--
-- Name: samples_20261125; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.samples ATTACH PARTITION public.samples_20261125 FOR VALUES FROM ('2026-11-25 00:00:00+00') TO ('2026-11-26 00:00:00+00');


--
-- Name: samples_20261126; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.samples ATTACH PARTITION public.samples_20261126 FOR VALUES FROM ('2026-11-26 00:00:00+00') TO ('2026-11-27 00:00:00+00');


--
-- Name: samples_20261127; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.samples ATTACH PARTITION public.samples_20261127 FOR VALUES FROM ('2026-11-27 00:00:00+00') TO ('2026-11-28 00:00:00+00');


--
-- Name: samples_20261128; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.samples ATTACH PARTITION public.samples_20261128 FOR VALUES FROM ('2026-11-28 00:00:00+00') TO ('2026-11-29 00:00:00+00');


--
-- Name: samples_20261129; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.samples ATTACH PARTITION public.samples_20261129 FOR VALUES FROM ('2026-11-29 00:00:00+00') TO ('2026-11-30 00:00:00+00');


--
-- Name: user_activities_20261116; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.user_activities ATTACH PARTITION public.user_activities_20261116 FOR VALUES FROM ('2026-11-16 00:00:00+00') TO ('2026-11-23 00:00:00+00');


--
-- Name: user_activities_20261123; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.user_activities ATTACH PARTITION public.user_activities_20261123 FOR VALUES FROM ('2026-11-23 00:00:00+00') TO ('2026-11-30 00:00:00+00');


--
-- Name: device_states number; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.device_states ALTER COLUMN number SET DEFAULT nextval('public.device_states_number'::regclass);


--
-- Name: error_groups number; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.error_groups ALTER COLUMN number SET DEFAULT nextval('public.error_groups_number'::regclass);


--
-- Name: user_activities number; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.user_activities ALTER COLUMN number SET DEFAULT nextval('public.user_activities_number'::regclass);


--
-- Data for Name: __diesel_schema_migrations; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.__diesel_schema_migrations (version, run_on) FROM stdin;
20261123000001	2026-11-27 14:36:51.093212
20261123000002	2026-11-27 14:36:51.168954
20261123000003	2026-11-27 14:36:51.173568
20261124000004	2026-11-27 14:36:51.185754
20261124000005	2026-11-27 14:36:51.200638
20261124000006	2026-11-27 14:36:51.206171
20261124000007	2026-11-27 14:36:51.218351
20261124000008	2026-11-27 14:36:51.240117
20261124000009	2026-11-27 14:36:51.248559
20261124000010	2026-11-27 14:36:51.255191
\.


--
-- Data for Name: commands; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.commands (command_id, device, command_type, payload, state, reason, result, created_by, idempotency_key, safe_to_repeat, deliveries, run_timeout_ms, session_epoch, created_at, expires_at, sent_at, acknowledged_at, started_at, finished_at, run_id, journal_id, handed_on, cancel_requested_at, cancel_cause, cancel_told, history, changed_at) FROM stdin;
01a21d70-13cf-74ba-aa54-3f1b9f444b94	1	REBOOT	\N	unknown	the device has another journal than the one it was handed to, and can't say whether it ran	\N	admin	\N	f	1	300000	2	2026-11-27 14:36:54.095482+00	2026-12-27 14:36:54.095482+00	2026-11-27 14:36:54.100581+00	2026-11-27 14:36:54.10519+00	\N	2026-11-27 14:36:54.163662+00	\N	journal-0	f	\N	\N	\N	[{"time": "2026-11-27T14:36:54.095482+00:00", "cause": "queued by admin", "state": "queued"}, {"time": "2026-11-27T14:36:54.100581+00:00", "cause": "handed to the device in session 2", "state": "sent"}, {"time": "2026-11-27T14:36:54.105190+00:00", "cause": "the device has it on disk", "state": "acknowledged"}, {"time": "2026-11-27T14:36:54.163662+00:00", "cause": "the device attached with another journal than the one it was handed to", "state": "unknown"}]	2026-11-27 14:36:54.163662+00
01a21d70-1419-74b0-bc84-2cedf0610eeb	1	PING	\N	succeeded	\N	{"printed": [1, 2.5, null, "ü"]}	admin	\N	t	1	300000	3	2026-11-27 14:36:54.170062+00	2026-12-27 14:36:54.170062+00	2026-11-27 14:36:54.172327+00	2026-11-27 14:36:54.175257+00	2026-11-27 14:36:54.175257+00	2026-11-27 14:36:54.175257+00	\N	journal-1	f	\N	\N	\N	[{"time": "2026-11-27T14:36:54.170062+00:00", "cause": "queued by admin", "state": "queued"}, {"time": "2026-11-27T14:36:54.172327+00:00", "cause": "handed to the device in session 3", "state": "sent"}, {"time": "2026-11-27T14:36:54.175257+00:00", "cause": "the device has it on disk", "state": "acknowledged"}, {"time": "2026-11-27T14:36:54.175257+00:00", "cause": "the device started it", "state": "running"}, {"time": "2026-11-27T14:36:54.175257+00:00", "cause": "the device reported it", "state": "succeeded"}]	2026-11-27 14:36:54.174445+00
01a21d70-1422-70b5-a5e6-0e1f5fdce85a	1	PING	\N	failed	no paper	{"printed": [1, 2.5, null, "ü"]}	admin	\N	t	1	300000	3	2026-11-27 14:36:54.178483+00	2026-12-27 14:36:54.178483+00	2026-11-27 14:36:54.179885+00	2026-11-27 14:36:54.182604+00	2026-11-27 14:36:54.182604+00	2026-11-27 14:36:54.182604+00	\N	journal-1	f	\N	\N	\N	[{"time": "2026-11-27T14:36:54.178483+00:00", "cause": "queued by admin", "state": "queued"}, {"time": "2026-11-27T14:36:54.179885+00:00", "cause": "handed to the device in session 3", "state": "sent"}, {"time": "2026-11-27T14:36:54.182604+00:00", "cause": "the device has it on disk", "state": "acknowledged"}, {"time": "2026-11-27T14:36:54.182604+00:00", "cause": "the device started it", "state": "running"}, {"time": "2026-11-27T14:36:54.182604+00:00", "cause": "the device reported: no paper", "state": "failed"}]	2026-11-27 14:36:54.181553+00
01a21d70-1429-75ea-8cd1-c83b245545c5	1	PING	\N	rejected	no paper	{"printed": [1, 2.5, null, "ü"]}	admin	\N	t	1	300000	3	2026-11-27 14:36:54.185895+00	2026-12-27 14:36:54.185895+00	2026-11-27 14:36:54.187646+00	2026-11-27 14:36:54.19182+00	2026-11-27 14:36:54.19182+00	2026-11-27 14:36:54.19182+00	\N	journal-1	f	\N	\N	\N	[{"time": "2026-11-27T14:36:54.185895+00:00", "cause": "queued by admin", "state": "queued"}, {"time": "2026-11-27T14:36:54.187646+00:00", "cause": "handed to the device in session 3", "state": "sent"}, {"time": "2026-11-27T14:36:54.191820+00:00", "cause": "the device has it on disk", "state": "acknowledged"}, {"time": "2026-11-27T14:36:54.191820+00:00", "cause": "the device started it", "state": "running"}, {"time": "2026-11-27T14:36:54.191820+00:00", "cause": "the device reported: no paper", "state": "rejected"}]	2026-11-27 14:36:54.190175+00
01a21d70-149d-776a-9761-4d85cb4e3c84	1	PING	\N	succeeded	\N	{"printed": [1, 2.5, null, "ü"]}	admin	\N	t	1	300000	3	2026-11-27 14:36:54.301758+00	2026-12-27 14:36:54.301758+00	2026-11-27 14:36:54.303917+00	2026-11-27 14:36:54.306829+00	2026-11-27 14:36:54.306829+00	2026-11-27 14:36:54.306829+00	01a21d70-1432-719f-8c72-185346fdaf1f	journal-1	f	\N	\N	\N	[{"time": "2026-11-27T14:36:54.301758+00:00", "cause": "queued by run 01a21d70-1432-719f-8c72-185346fdaf1f of admin", "state": "queued"}, {"time": "2026-11-27T14:36:54.303917+00:00", "cause": "handed to the device in session 3", "state": "sent"}, {"time": "2026-11-27T14:36:54.306829+00:00", "cause": "the device has it on disk", "state": "acknowledged"}, {"time": "2026-11-27T14:36:54.306829+00:00", "cause": "the device started it", "state": "running"}, {"time": "2026-11-27T14:36:54.306829+00:00", "cause": "the device reported it", "state": "succeeded"}]	2026-11-27 14:36:54.305713+00
01a21d70-156d-7363-931c-ba659eb9517b	1	PING	\N	failed	no paper	{"printed": [1, 2.5, null, "ü"]}	admin	\N	t	1	300000	3	2026-11-27 14:36:54.509788+00	2026-12-27 14:36:54.509788+00	2026-11-27 14:36:54.512552+00	2026-11-27 14:36:54.516481+00	2026-11-27 14:36:54.516481+00	2026-11-27 14:36:54.516481+00	01a21d70-150c-773b-9ba3-ab5647461aac	journal-1	f	\N	\N	\N	[{"time": "2026-11-27T14:36:54.509788+00:00", "cause": "queued by run 01a21d70-150c-773b-9ba3-ab5647461aac of admin", "state": "queued"}, {"time": "2026-11-27T14:36:54.512552+00:00", "cause": "handed to the device in session 3", "state": "sent"}, {"time": "2026-11-27T14:36:54.516481+00:00", "cause": "the device has it on disk", "state": "acknowledged"}, {"time": "2026-11-27T14:36:54.516481+00:00", "cause": "the device started it", "state": "running"}, {"time": "2026-11-27T14:36:54.516481+00:00", "cause": "the device reported: no paper", "state": "failed"}]	2026-11-27 14:36:54.515125+00
01a21d70-15e1-733e-8563-5fc32b41a43c	1	RUN_DIAGNOSTICS	\N	sent	\N	\N	admin	\N	t	1	3600000	3	2026-11-27 14:36:54.62535+00	2026-12-27 14:36:54.62535+00	2026-11-27 14:36:54.627308+00	\N	\N	\N	\N	journal-1	f	\N	\N	\N	[{"time": "2026-11-27T14:36:54.62535+00:00", "cause": "queued by admin", "state": "queued"}, {"time": "2026-11-27T14:36:54.627308+00:00", "cause": "handed to the device in session 3", "state": "sent"}]	2026-11-27 14:36:54.62615+00
01a21d70-15ec-71fc-a2f8-094de38d78cf	1	RUN_DIAGNOSTICS	\N	acknowledged	\N	\N	admin	\N	t	1	3600000	3	2026-11-27 14:36:54.637048+00	2026-12-27 14:36:54.637048+00	2026-11-27 14:36:54.63888+00	2026-11-27 14:36:54.64414+00	\N	\N	\N	journal-1	f	\N	\N	\N	[{"time": "2026-11-27T14:36:54.637048+00:00", "cause": "queued by admin", "state": "queued"}, {"time": "2026-11-27T14:36:54.63888+00:00", "cause": "handed to the device in session 3", "state": "sent"}, {"time": "2026-11-27T14:36:54.644140+00:00", "cause": "the device has it on disk", "state": "acknowledged"}]	2026-11-27 14:36:54.640387+00
01a21d70-1627-70d3-8ce7-c1b69e2d52da	1	RUN_DIAGNOSTICS	\N	running	\N	\N	admin	\N	t	1	3600000	3	2026-11-27 14:36:54.696292+00	2026-12-27 14:36:54.696292+00	2026-11-27 14:36:54.69759+00	2026-11-27 14:36:54.699415+00	2026-11-27 14:36:54.699415+00	\N	\N	journal-1	f	\N	\N	\N	[{"time": "2026-11-27T14:36:54.696292+00:00", "cause": "queued by admin", "state": "queued"}, {"time": "2026-11-27T14:36:54.69759+00:00", "cause": "handed to the device in session 3", "state": "sent"}, {"time": "2026-11-27T14:36:54.699415+00:00", "cause": "the device has it on disk", "state": "acknowledged"}, {"time": "2026-11-27T14:36:54.699415+00:00", "cause": "the device started it", "state": "running"}]	2026-11-27 14:36:54.698545+00
01a21d70-1634-764a-ac4f-3f295b84a161	6	RUN_DIAGNOSTICS	\N	sent	\N	\N	admin	\N	t	1	300000	\N	2026-11-27 14:36:54.708978+00	2026-12-27 14:36:54.708978+00	2026-11-27 14:36:54.711637+00	\N	\N	\N	\N	\N	f	\N	\N	\N	[{"time": "2026-11-27T14:36:54.708978+00:00", "cause": "queued by admin", "state": "queued"}, {"time": "2026-11-27T14:36:54.711637+00:00", "cause": "fetched by the device", "state": "sent"}]	2026-11-27 14:36:54.710926+00
01a21d70-1630-7321-b3bd-097e2e74d4e4	6	PING	\N	succeeded	\N	{"lanes": 2}	admin	\N	t	1	300000	\N	2026-11-27 14:36:54.705132+00	2026-12-27 14:36:54.705132+00	2026-11-27 14:36:54.711544+00	2026-11-27 14:36:54.715816+00	2026-11-27 14:36:54.715816+00	2026-11-27 14:36:54.715816+00	\N	\N	f	\N	\N	\N	[{"time": "2026-11-27T14:36:54.705132+00:00", "cause": "queued by admin", "state": "queued"}, {"time": "2026-11-27T14:36:54.711544+00:00", "cause": "fetched by the device", "state": "sent"}, {"time": "2026-11-27T14:36:54.715816+00:00", "cause": "the device reported it", "state": "succeeded"}]	2026-11-27 14:36:54.715299+00
01a21d70-163e-72c8-8f59-5a7778d36505	6	OPEN_DRAWER	\N	queued	\N	\N	admin	\N	f	0	300000	\N	2026-11-27 14:36:54.718476+00	2026-12-27 14:36:54.718476+00	\N	\N	\N	\N	\N	\N	f	\N	\N	\N	[{"time": "2026-11-27T14:36:54.718476+00:00", "cause": "queued by admin", "state": "queued"}]	2026-11-27 14:36:54.718253+00
01a21d70-166c-7622-a595-2fa6f009d2a2	1	PING	\N	cancelled	cancelled by admin: not today	\N	admin	\N	t	0	300000	\N	2026-11-27 14:36:54.765+00	2026-12-27 14:36:54.765+00	\N	\N	\N	2026-11-27 14:36:54.768532+00	\N	\N	f	\N	\N	\N	[{"time": "2026-11-27T14:36:54.765+00:00", "cause": "queued by admin", "state": "queued"}, {"time": "2026-11-27T14:36:54.768532+00:00", "cause": "cancelled by admin: not today", "state": "cancelled"}]	2026-11-27 14:36:54.7676+00
01a21d70-1668-7097-a982-edd3fd307fbe	1	PING	{"lane": 2, "text": "ü"}	queued	\N	\N	night-shift	order-7	t	0	300000	\N	2026-11-27 14:36:54.76099+00	2026-12-27 14:36:54.76099+00	\N	\N	\N	\N	\N	\N	f	\N	\N	\N	[{"time": "2026-11-27T14:36:54.76099+00:00", "cause": "queued by night-shift", "state": "queued"}]	2026-11-27 14:36:54.760666+00
01a21d70-1673-7366-964d-d078b6da9f18	1	PING	\N	expired	its time to live ran out before the device fetched it	\N	admin	\N	t	0	300000	\N	2026-11-27 14:36:54.772272+00	2026-11-27 14:36:55.772272+00	\N	\N	\N	2026-11-27 14:36:56.565279+00	\N	\N	f	\N	\N	\N	[{"time": "2026-11-27T14:36:54.772272+00:00", "cause": "queued by admin", "state": "queued"}, {"time": "2026-11-27T14:36:56.565279+00:00", "cause": "its time to live ran out before the device fetched it", "state": "expired"}]	2026-11-27 14:36:56.565279+00
01a21d70-1e48-7211-945d-256c0fca2433	1	PING	\N	queued	\N	\N	admin	\N	t	0	300000	\N	2026-11-27 14:36:56.777235+00	2026-12-27 14:36:56.777235+00	\N	\N	\N	\N	01a21d70-1e09-7041-a4d9-320ace84259d	\N	f	\N	\N	\N	[{"time": "2026-11-27T14:36:56.777235+00:00", "cause": "queued by run 01a21d70-1e09-7041-a4d9-320ace84259d of admin", "state": "queued"}]	2026-11-27 14:36:56.773846+00
01a21d70-1dde-7678-8459-fa32356e5971	1	PING	\N	queued	\N	\N	admin	\N	t	0	300000	\N	2026-11-27 14:36:56.670959+00	2026-12-27 14:36:56.670959+00	\N	\N	\N	\N	01a21d70-1d82-773b-8348-b3b011ed9531	\N	f	\N	\N	\N	[{"time": "2026-11-27T14:36:56.670959+00:00", "cause": "queued by run 01a21d70-1d82-773b-8348-b3b011ed9531 of admin", "state": "queued"}]	2026-11-27 14:36:56.669346+00
01a21d70-2143-7763-94e7-dc2cf5860067	15	PING	\N	succeeded	\N	{"pong": true, "device_time": "2026-11-27T14:36:57.546511Z", "agent_version": "0.1.0"}	admin	\N	t	1	300000	1	2026-11-27 14:36:57.540332+00	2026-12-27 14:36:57.540332+00	2026-11-27 14:36:57.541674+00	2026-11-27 14:36:57.549182+00	2026-11-27 14:36:57.549182+00	2026-11-27 14:36:57.549182+00	\N	a62adc0109d248f1d6589517cc3d8b82	f	\N	\N	\N	[{"time": "2026-11-27T14:36:57.540332+00:00", "cause": "queued by admin", "state": "queued"}, {"time": "2026-11-27T14:36:57.541674+00:00", "cause": "handed to the device in session 1", "state": "sent"}, {"time": "2026-11-27T14:36:57.549182+00:00", "cause": "the device has it on disk", "state": "acknowledged"}, {"time": "2026-11-27T14:36:57.549182+00:00", "cause": "the device started it", "state": "running"}, {"time": "2026-11-27T14:36:57.549182+00:00", "cause": "the device reported it", "state": "succeeded"}]	2026-11-27 14:36:57.548025+00
01a21d70-2187-7692-96b3-b55d20a3aa50	15	PING	\N	queued	\N	\N	admin	\N	t	0	300000	\N	2026-11-27 14:36:57.607734+00	2026-12-27 14:36:57.607734+00	\N	\N	\N	\N	\N	\N	f	\N	\N	\N	[{"time": "2026-11-27T14:36:57.607734+00:00", "cause": "queued by admin", "state": "queued"}]	2026-11-27 14:36:57.607368+00
\.


--
-- Data for Name: device_keys; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.device_keys (device, key_id, hash, created_at, expires_at, revoked_at) FROM stdin;
1	hpd_Gc4sxbv0	$argon2id$v=19$m=19456,t=2,p=1$zo1RLomVFK4W/D80yX/Ung$6aOOogEFcKcHiP3ZGMdPE68H6ndoa6dwS2qlzr6k+Ic	2026-11-27 14:36:51.891495+00	\N	\N
2	hpd_KVHUKFoQ	$argon2id$v=19$m=19456,t=2,p=1$TDDAYpqqMxzVNlCFStp9hw$4A+N+7axBM3VBAqftqv/TwOIfg+nmQDqKQvxwRHsvQc	2026-11-27 14:36:51.949103+00	\N	\N
5	hpd_KLdMAzgM	$argon2id$v=19$m=19456,t=2,p=1$OIsbdK/BZLTB2TbgbgyF/g$NZABjPyR5x4e4V+Ez7ceSGKXuF50j3jDk7i/KAqjT7g	2026-11-27 14:36:52.107647+00	\N	\N
6	hpd_FrWJZ2sx	$argon2id$v=19$m=19456,t=2,p=1$8v6TjmQ5zJ1ryoZi3ra1oQ$CsUE7oTP4ZrkUc2YS1t10+m/gQ5GQ577h9N/zZcpxwQ	2026-11-27 14:36:52.164056+00	\N	\N
7	hpd_8t5o7stH	$argon2id$v=19$m=19456,t=2,p=1$Tuhxv9IripMZMt2aq7dYMA$YLX0EkZmUXxCr3vl6WpsOCMEOPGKr5/RwJNxXdVDe9k	2026-11-27 14:36:52.26194+00	\N	\N
9	hpd_EgqKE41Q	$argon2id$v=19$m=19456,t=2,p=1$yGLe1LMg5U9MrrpkP2vTWw$n/33mNaWXOqiis9U9ZGjndk7h3s61JBqfQb76879G+A	2026-11-27 14:36:52.506146+00	\N	\N
12	hpd_6UfR8HY0	$argon2id$v=19$m=19456,t=2,p=1$0/V33YZDzepOOOng5gdOKA$d/TRXdNcHOgvCfw+JsFIdIdmT8JjeJ5yEVvjJhlO0oo	2026-11-27 14:36:52.787777+00	\N	\N
13	hpd_3Tnqs8AS	$argon2id$v=19$m=19456,t=2,p=1$Ve6pOcvoRsyRdQC13sN5Hw$pmnbCpwL5jFkyUDHtOp3q26wqDK+eEY8U+X9K3fDE+s	2026-11-27 14:36:52.988428+00	\N	\N
14	hpd_rFL_wGst	$argon2id$v=19$m=19456,t=2,p=1$apqrD3GhHTEMvJ5D91MpSQ$dtMIrP+G39O03fvTka4Y0n1hTDdtmWW8GmxZgrqMXaw	2026-11-27 14:36:52.990098+00	\N	\N
3	hpd_KMKReqNR	$argon2id$v=19$m=19456,t=2,p=1$IiAUUYUIvJzDJ2IeXECPIg$5ladmOi9cOTIi8FS6x5HXFwdKte81QyI5c1/OT0KlZA	2026-11-27 14:36:52.001943+00	2026-12-27 14:36:54.056168+00	\N
3	hpd_BsKgRMSL	$argon2id$v=19$m=19456,t=2,p=1$7Q3sTpsZo5dduNgV5VcIFg$sSnO/Wz/fplyJwgm2VDmlYOGYhvQAV/2Pa/V1UYCDfA	2026-11-27 14:36:54.056168+00	\N	\N
4	hpd_SP736mpv	$argon2id$v=19$m=19456,t=2,p=1$BaEd/8QkneoIcbr5H0mseg$cQQzLw+kp318+H2ClN8Juv6OF28x/Sode7ExkZ4qzZM	2026-11-27 14:36:52.054539+00	\N	2026-11-27 14:36:54.060065+00
15	hpd_1m4Hzooz	$argon2id$v=19$m=19456,t=2,p=1$eob4MeMzhCfLrgiYhHctzw$bsS3uvKEI371HoZ+XThIkrCiJp2ECtqdc9QsC7zC5mU	2026-11-27 14:36:56.997198+00	\N	\N
\.


--
-- Data for Name: device_latest; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.device_latest (device, collected_at, received_at, sample) FROM stdin;
6	2026-11-27 14:36:52.168523+00	2026-11-27 14:36:52.174693+00	\\x110000000000c04640190000000000002840
9	2026-11-25 22:36:52.509965+00	2026-11-27 14:36:52.517785+00	\\x110000000000002640190000000000000a405011590ad7a3703d4a93409a01100a05626f617264110000000000c04440
13	2026-11-27 13:36:56.702782+00	2026-11-27 14:36:53.006704+00	\\x1148e17a14ae470540190ad7a3703dca43402152b81e85eb314d4029000000000000000031b81e85eb51b89e3f39b81e85eb51b89e3f41b81e85eb51b89e3f49d7a3703d0a57344061ec51b81e85ebe13f680670007a0308901c800183f7fdd6088801b6a980fa7e90019bfd349a010e0a03637075119a99999999394240
14	2026-11-27 14:36:53.278174+00	2026-11-27 14:36:53.292023+00	\\x1148e17a14ae4724401948e17a14aec7424021e17a14ae47e14740290000000000000000319a9999999999c93f399a9999999999c93f41e17a14ae47e1ca3f49c3f5285c8f2240405006591f85eb51b8ee5c406148e17a14ae47d13f680770017a0308901c8001d68a97bd098801c09f8fc40c9001efa1269a010e0a03637075116666666666264340a201580a560a0f636f6e6669675f646f776e6c6f616412432a410a180a0b6475726174696f6e5f6d731209110000000000c887400a0f0a09737563636565646564120220010a140a0776657273696f6e1209110000000000001840
1	2026-11-27 14:06:54.074488+00	2026-11-27 14:36:54.083385+00	\\x110000000000003140190000000000000a405011590ad7a3703d4a93409a01100a05626f617264110000000000c04440
15	2026-11-27 14:36:57.512325+00	2026-11-27 14:36:57.523337+00	\\x1114ae47e17ab44d401952b81e85ebd1304021e17a14ae47613c4031c3f5285c8fc20d403952b81e85eb511240415c8fc2f5285c0d40680b7a0610c0d7ecef018001c8ec0f8801d6cff13c9001c30e
\.


--
-- Data for Name: device_states_20261116; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.device_states_20261116 (device, at, number, session_epoch, changes_not_shown, flapping, status, cause, detail) FROM stdin;
\.


--
-- Data for Name: device_states_20261123; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.device_states_20261123 (device, at, number, session_epoch, changes_not_shown, flapping, status, cause, detail) FROM stdin;
6	2026-11-27 14:36:52.565391+00	1	0	0	f	online	heard	a call of its own was heard
9	2026-11-27 14:36:52.565423+00	3	0	0	f	online	heard	a call of its own was heard
12	2026-11-27 14:36:52.787777+00	4	0	0	f	unknown	took_over	a real agent took over the identity of a simulated device: it enrolled with the token hpe__vqwXH5u at 2026-11-27T14:36:52Z, all before is gone
14	2026-11-27 14:36:52.994963+00	6	1	0	f	online	attached	it attached its stream; agent homepot-sim 0.1.0
13	2026-11-27 14:36:52.998511+00	7	1	0	f	online	attached	it attached its stream; agent homepot-sim 0.1.0
14	2026-11-27 14:36:54.018032+00	8	1	0	f	offline	detached	its stream ended
13	2026-11-27 14:36:54.018386+00	9	1	0	f	offline	detached	its stream ended
1	2026-11-27 14:36:54.072213+00	10	1	0	f	online	attached	it attached its stream; agent 0.0.0-test
1	2026-11-27 14:36:54.088298+00	11	1	0	f	offline	detached	its stream ended
1	2026-11-27 14:36:54.090834+00	12	2	0	f	online	attached	it attached its stream; agent 0.0.0-test
1	2026-11-27 14:36:54.159077+00	13	2	0	f	offline	detached	its stream ended
1	2026-11-27 14:36:54.161409+00	14	3	0	f	online	attached	it attached its stream; agent 0.0.0-test
1	2026-11-27 14:36:54.703322+00	15	3	0	f	offline	detached	its stream ended
15	2026-11-27 14:36:57.014594+00	16	1	0	f	online	attached	it attached its stream; agent 0.1.0
15	2026-11-27 14:36:57.597815+00	17	1	0	f	offline	detached	its stream ended
6	2026-11-27 14:39:26.840007+00	18	0	0	f	offline	silent	nothing was heard for 150s, 2.5 heartbeat intervals
9	2026-11-27 14:39:22.513865+00	19	0	0	f	offline	silent	nothing was heard for 150s, 2.5 heartbeat intervals
6	2026-11-27 14:40:23.565067+00	20	0	0	f	online	heard	a call of its own was heard
\.


--
-- Data for Name: devices; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.devices (device, device_id, site_id, name, device_type, ip_address, mac_address, firmware_version, config, source, active, maintenance, credential_version, claim_hash, created_at, updated_at, labels, proof_key, token_labels) FROM stdin;
1	till-1	shop-1	Device till-1	pos_terminal	\N	\N	\N	\N	real	t	f	1	\N	2026-11-27 14:36:51.891495+00	2026-11-27 14:36:51.891495+00	{}	\N	{}
3	rotated	shop-1	Device rotated	pos_terminal	\N	\N	\N	\N	real	t	f	1	\N	2026-11-27 14:36:52.001943+00	2026-11-27 14:36:52.001943+00	{}	\N	{}
6	poller-1	shop-2	Poller 1	gateway	\N	\N	\N	{"lanes": 2}	real	t	f	1	\N	2026-11-27 14:36:52.164056+00	2026-11-27 14:36:52.164056+00	{}	\N	{}
7	cut-short	shop-1	Device cut-short	pos_terminal	192.0.2.7	00:00:5e:00:53:07	7.0	\N	real	t	f	1	\\x0cc718d9c18394d2df2510043c34933463004747ab4b910ab37fa6ba06702fbf	2026-11-27 14:36:52.26194+00	2026-11-27 14:36:52.26194+00	{}	\N	{}
9	simulated	shop-2	Device simulated	pos_terminal	192.0.2.7	00:00:5e:00:53:07	7.0	\N	simulated	t	f	1	\N	2026-11-27 14:36:52.506146+00	2026-11-27 14:36:52.506146+00	{"fleet": "kept"}	\N	{"fleet": "kept"}
12	switched	shop-2	Device switched	pos_terminal	192.0.2.7	00:00:5e:00:53:07	7.0	\N	real	t	f	1	\N	2026-11-27 14:36:52.787777+00	2026-11-27 14:36:52.787777+00	{}	\N	{}
13	sim-sensor-2	sim-1	Sensor 2 (simulated)	iot_sensor	\N	\N	homepot-sim 0.1.0	\N	simulated	t	f	1	\\xdf90ecd4807eb150e9e2b632e42fc2a44f7d1d4429893fe1ce4d6087ee140a8b	2026-11-27 14:36:52.988428+00	2026-11-27 14:36:52.988428+00	{"simulation": "sim"}	\N	{"simulation": "sim"}
14	sim-till-1	sim-1	Till 1 (simulated)	pos_terminal	\N	\N	homepot-sim 0.1.0	\N	simulated	t	f	1	\\x5a43d128d716bb12ceb7fdc6cb88906878dd29677c163a08ced1feec1d47d08b	2026-11-27 14:36:52.990098+00	2026-11-27 14:36:52.990098+00	{"simulation": "sim"}	\N	{"simulation": "sim"}
2	till-2	shop-1	Device till-2	pos_terminal	\N	\N	\N	\N	real	t	t	1	\N	2026-11-27 14:36:51.949103+00	2026-11-27 14:36:54.026402+00	{"tier": "pos"}	\N	{}
4	revoked	shop-1	Device revoked	pos_terminal	\N	\N	\N	\N	real	t	f	2	\N	2026-11-27 14:36:52.054539+00	2026-11-27 14:36:54.060065+00	{}	\N	{}
5	deactivated	shop-1	Device deactivated	pos_terminal	\N	\N	\N	\N	real	f	f	2	\N	2026-11-27 14:36:52.107647+00	2026-11-27 14:36:54.068016+00	{}	\N	{}
15	agent-1	shop-1	Agent 1	linux_server	\N	\N	0.1.0	\N	real	t	f	1	\\x89b3f8859e56d4c4b5d183d7771564d8631cbc5ad3104b98e9ce363f386f4a0d	2026-11-27 14:36:56.997198+00	2026-11-27 14:36:56.997198+00	{}	\\xcb3e38c22d954654fddd644f4659a7a9a28de88d37d22b4dac2fe5d8d527f3ed	{}
\.


--
-- Data for Name: enrollment_tokens; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.enrollment_tokens (token_id, token_hash, site_id, source, uses_left, max_uses, created_by, created_at, expires_at, revoked_at, labels) FROM stdin;
hpe_S6CNvDfS	$argon2id$v=19$m=19456,t=2,p=1$QRNBLEGdI6NpdnZ8BRlEeA$H+cxXiqAgiCtN4An5hQHy9Zb13tKNBIFc4r57fmwu2s	shop-1	real	5	5	admin	2026-11-27 14:36:51.714787+00	2027-11-27 14:36:51.71402+00	\N	{"fleet": "load"}
hpe_6Y87onQ4	$argon2id$v=19$m=19456,t=2,p=1$tskcPrMxFMGS8UHl/TM5CA$8MQeJ0QOpuOhGBAx/azP1HgGh9WkZ+P82ctIICRrP04	shop-1	real	5	5	admin	2026-11-27 14:36:51.751251+00	2027-11-27 14:36:51.750856+00	2026-11-27 14:36:51.789992+00	{"fleet": "load"}
hpe_zPY_r5pQ	$argon2id$v=19$m=19456,t=2,p=1$sFnZEGZattbLOOqGHSxB4g$trCmVqgtIfRYZC9dxI8+6gWLZwJhCexenaDUPicnBA0	shop-1	simulated	5	5	admin	2026-11-27 14:36:51.818222+00	2027-11-27 14:36:51.817719+00	\N	{"fleet": "load"}
hpe_BYX16_6Y	$argon2id$v=19$m=19456,t=2,p=1$ROHvOukDGBXZsSVVLvtiUg$V1rU4l41aXfS3L1QZKvhpmhQmqsntb7ceXhAywedUjE	shop-1	real	0	1	admin	2026-11-27 14:36:51.854464+00	2026-11-28 14:36:51.852097+00	\N	{}
hpe_osjKDOju	$argon2id$v=19$m=19456,t=2,p=1$8uBF09MhstIx/2qU41NYQA$LxzcZTiTadd6EH27MWrY+bF4f/bYjw2z5Tm0hgwRP4g	shop-1	real	0	1	admin	2026-11-27 14:36:51.917315+00	2026-11-28 14:36:51.916908+00	\N	{}
hpe_e2Cu-Izp	$argon2id$v=19$m=19456,t=2,p=1$gaUpwqXIVlIABbWpP4qTaA$KvY+5jfD3421lyL6WJNP3jN9f9qAAjQ4l03PV5UHMFk	shop-1	real	0	1	admin	2026-11-27 14:36:51.969465+00	2026-11-28 14:36:51.969141+00	\N	{}
hpe_KVC_jafZ	$argon2id$v=19$m=19456,t=2,p=1$ZsTEdsPnGT9TGd0OjtiUsQ$dQJj3hVSQoyZn9do/nyHIlwmAt9HNGzbjeIowSD37MA	shop-1	real	0	1	admin	2026-11-27 14:36:52.021275+00	2026-11-28 14:36:52.020943+00	\N	{}
hpe_mF-gpBsi	$argon2id$v=19$m=19456,t=2,p=1$P4ejWFtY8pUysj9RqTk8zA$53W4jiLOgMc0WNkbwLt7asB78TCFczRHdb/YsTAKCGE	shop-1	real	0	1	admin	2026-11-27 14:36:52.074888+00	2026-11-28 14:36:52.074362+00	\N	{}
hpe_zNSDPsHF	$argon2id$v=19$m=19456,t=2,p=1$4XUUHyhWbROJZFyu1wvMKw$vOH5NJPNr9djZ1m7xCzYWS/mgspfmCzyITGu1u6aNIw	shop-2	real	0	1	admin	2026-11-27 14:36:52.127654+00	2027-11-27 14:36:52.127335+00	\N	{}
hpe_RV490KBo	$argon2id$v=19$m=19456,t=2,p=1$57hQC+k56D/h0m8BOycF8w$fCmL6OH5fjkC007sfIkjT2m+t7Huu0QyIawfeQRTsH8	shop-1	real	0	1	admin	2026-11-27 14:36:52.208865+00	2027-11-27 14:36:52.208532+00	\N	{}
hpe_1v4dTJ8z	$argon2id$v=19$m=19456,t=2,p=1$4U0i4ic9OCe6AFvWr7GhEA$NBvY9jZVWflnK+2adZkiQzhp0k0W/WyQF3TLqWJ9ym4	shop-2	simulated	0	1	admin	2026-11-27 14:36:52.311599+00	2027-11-27 14:36:52.311246+00	\N	{"fleet": "switched"}
hpe_m_lAkx79	$argon2id$v=19$m=19456,t=2,p=1$ggcE92hdxVMlQ48i4HhoGw$k8Vg4dHHPW/agyvR65qwJc4EvD9Gg33UmGv7w5eEF9w	shop-2	simulated	0	1	admin	2026-11-27 14:36:52.432748+00	2027-11-27 14:36:52.432397+00	\N	{"fleet": "kept"}
hpe__QGM-eqZ	$argon2id$v=19$m=19456,t=2,p=1$Qzhl2FaptsHAn5qGGzLpog$RhW2jM04CC7nzy/gAlbW2jE8qz2EkKti++9VMsFuWr8	shop-2	simulated	0	1	admin	2026-11-27 14:36:52.57338+00	2027-11-27 14:36:52.571847+00	\N	{"fleet": "removed"}
hpe__vqwXH5u	$argon2id$v=19$m=19456,t=2,p=1$MeQKNyXv8J7UtXOyN2pn/g$BnprhCp8+JR0xRTAeVnVDkzgTio3eeKajjkCkAdrHzw	shop-2	real	0	1	admin	2026-11-27 14:36:52.714929+00	2027-11-27 14:36:52.714492+00	\N	{}
hpe_6KgPMDjL	$argon2id$v=19$m=19456,t=2,p=1$piJn8zX2DVuUcJi0B2D1pA$taeqXGD4h5Rgodd5NsNCiCyHujrOiTEmznzh3zSR1Sg	sim-1	simulated	0	2	admin	2026-11-27 14:36:52.861641+00	2026-11-27 20:36:52.861121+00	\N	{"simulation": "sim"}
hpe_0zOxpbJr	$argon2id$v=19$m=19456,t=2,p=1$XMdNJoyVHG/HN6Odo4C5ZA$0ghaXZ4K0Lt8iTjrKXKLs4otVQ/GmznKvFTR3Hd2Sn0	shop-1	real	0	1	admin	2026-11-27 14:36:56.879821+00	2027-11-27 14:36:56.875771+00	\N	{}
\.


--
-- Data for Name: error_groups_20261116; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.error_groups_20261116 (hour, first_seen_at, last_seen_at, number, count, device, overflow, fingerprint, source, severity, category, site_id, operator, error_code, endpoint, message, stack_trace, user_id, context) FROM stdin;
\.


--
-- Data for Name: error_groups_20261123; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.error_groups_20261123 (hour, first_seen_at, last_seen_at, number, count, device, overflow, fingerprint, source, severity, category, site_id, operator, error_code, endpoint, message, stack_trace, user_id, context) FROM stdin;
2026-11-27 14:00:00+00	2026-11-27 14:36:56.830526+00	2026-11-27 14:36:56.835641+00	1	2	6	f	\\x1f42ca53e6cb3740b184368dcaddb6d1	real	error	payment	shop-2	\N	E_TIMEOUT	/pay	no answer after 3001 ms	at pay (till.js:17)	cashier-3	{"attempt": 2}
2026-11-27 14:00:00+00	2026-11-27 14:36:56.838512+00	2026-11-27 14:36:56.838512+00	3	1	6	f	\\xd1e20f826a0e72bc7b0832537aeed67e	real	error	payment	shop-2	\N	E_TIMEOUT	/pay	no paper	at pay (till.js:17)	cashier-3	{"attempt": 2}
2026-11-27 14:00:00+00	2026-11-27 14:36:56.842332+00	2026-11-27 14:36:56.842332+00	4	1	1	f	\\x65a66f499daffa7151a073b16a0e30aa	real	critical	payment	shop-1	night-shift	E_TIMEOUT	/pay	the drawer is stuck	at pay (till.js:17)	cashier-3	{"attempt": 2}
2026-11-27 14:00:00+00	2026-11-27 14:36:56.844924+00	2026-11-27 14:36:56.844924+00	5	1	\N	f	\\x6b34b5a863f8542941c3690db10e2581	simulated	info	payment	\N	admin	E_TIMEOUT	/pay	only played	at pay (till.js:17)	cashier-3	{"attempt": 2}
\.


--
-- Data for Name: error_reporters; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.error_reporters (hour, reporter, groups) FROM stdin;
2026-11-27 14:00:00+00	real::6	2
2026-11-27 14:00:00+00	real:night-shift:1	1
2026-11-27 14:00:00+00	simulated:admin:	1
\.


--
-- Data for Name: operators; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.operators (name, role, site_ids, token_id, token_hash, created_at, expires_at, revoked_at) FROM stdin;
admin	admin	\N	hpo_QvkjgobY	$argon2id$v=19$m=19456,t=2,p=1$aty/JnXeAJMPjBpU+kC83A$PdjQv53LPbqM9Az/Xs9OOZ45k57C6yjFm+NG5Tyzsis	2026-11-27 14:36:51.551738+00	\N	\N
night-shift	operator	{shop-1}	hpo_BgOnWaMY	$argon2id$v=19$m=19456,t=2,p=1$HoceXyb8LXncXecjFNjUyw$A6GLF37snuPeWUk4m3fj6j4qFcuvuWpwG0BHWw6+mXw	2026-11-27 14:36:51.61329+00	\N	\N
auditor	viewer	\N	hpo_CaeJRy0G	$argon2id$v=19$m=19456,t=2,p=1$jChp/ehQnO49f6ZIRCgjlw$5Yob08znQij7QiOCeKpfmoLXVsWJkUAu4u84zJLgpuU	2026-11-27 14:36:51.629794+00	2027-11-27 14:36:51.629671+00	\N
shop-admin	admin	{shop-1,shop-2}	hpo_TaxrxK2M	$argon2id$v=19$m=19456,t=2,p=1$Tg4NAhWPxs+sSRCzOfqNOQ$mdO+7FbE9LTVidub5cQ41p/wXuraQwSTb4jylwGnru4	2026-11-27 14:36:51.664329+00	2027-11-27 14:36:51.660379+00	\N
former	operator	\N	hpo_A93I2tBq	$argon2id$v=19$m=19456,t=2,p=1$q/N1gxZhp9dsn5IFa9tKRg$bRIlDYFLRuGIHAh6bH2CRZN1r/UshMTfbBJbixALjsg	2026-11-27 14:36:51.685393+00	\N	2026-11-27 14:36:51.687273+00
\.


--
-- Data for Name: removed_devices; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.removed_devices (device, removed_at, device_id, site_id, version, swept) FROM stdin;
8	2026-11-27 14:36:52.787777+00	switched	shop-2	1795790212377472	t
10	2026-11-27 14:36:52.809635+00	removed	shop-2	1795790212653832	t
\.


--
-- Data for Name: rollup_1h_20261101; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.rollup_1h_20261101 (device, bucket, cpu_percent_sum, memory_percent_sum, disk_percent_sum, swap_percent_sum, load_1m_sum, load_5m_sum, load_15m_sum, network_latency_ms_sum, transaction_count_sum, transaction_count_min, transaction_count_max, transaction_count_last, transaction_volume_sum, transaction_volume_min, transaction_volume_max, transaction_volume_last, error_rate_sum, active_connections_sum, active_connections_min, active_connections_max, active_connections_last, queue_depth_sum, queue_depth_min, queue_depth_max, queue_depth_last, bytes_sent_sum, bytes_sent_min, bytes_sent_max, bytes_sent_last, bytes_received_sum, bytes_received_min, bytes_received_max, bytes_received_last, uptime_seconds_sum, uptime_seconds_min, uptime_seconds_max, uptime_seconds_last, cpu_percent_min, cpu_percent_max, cpu_percent_last, cpu_percent_count, memory_percent_min, memory_percent_max, memory_percent_last, memory_percent_count, disk_percent_min, disk_percent_max, disk_percent_last, disk_percent_count, swap_percent_min, swap_percent_max, swap_percent_last, swap_percent_count, load_1m_min, load_1m_max, load_1m_last, load_1m_count, load_5m_min, load_5m_max, load_5m_last, load_5m_count, load_15m_min, load_15m_max, load_15m_last, load_15m_count, network_latency_ms_min, network_latency_ms_max, network_latency_ms_last, network_latency_ms_count, transaction_count_count, transaction_volume_count, error_rate_min, error_rate_max, error_rate_last, error_rate_count, active_connections_count, queue_depth_count, bytes_sent_count, bytes_received_count, uptime_seconds_count) FROM stdin;
1	2026-11-27 11:00:00+00	10	3.25	\N	\N	\N	\N	\N	\N	17	17	17	17	1234.56	1234.56	1234.56	1234.56	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	10	10	10	1	3.25	3.25	3.25	1	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	1	1	\N	\N	\N	\N	\N	\N	\N	\N	\N
1	2026-11-27 12:00:00+00	36	9.75	\N	\N	\N	\N	\N	\N	51	17	17	17	3703.68	1234.56	1234.56	1234.56	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	11	13	13	3	3.25	3.25	3.25	3	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	3	3	\N	\N	\N	\N	\N	\N	\N	\N	\N
1	2026-11-27 13:00:00+00	45	9.75	\N	\N	\N	\N	\N	\N	51	17	17	17	3703.68	1234.56	1234.56	1234.56	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	14	16	16	3	3.25	3.25	3.25	3	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	3	3	\N	\N	\N	\N	\N	\N	\N	\N	\N
9	2026-11-25 22:00:00+00	11	3.25	\N	\N	\N	\N	\N	\N	17	17	17	17	1234.56	1234.56	1234.56	1234.56	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	11	11	11	1	3.25	3.25	3.25	1	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	1	1	\N	\N	\N	\N	\N	\N	\N	\N	\N
13	2026-11-25 13:00:00+00	5.429999828338623	39.470001220703125	56.65999984741211	0	0.05999999865889549	0.05999999865889549	0.05999999865889549	56.880001068115234	\N	\N	\N	\N	\N	\N	\N	\N	0.3400000035762787	8	8	8	8	0	0	0	0	2220044603	2220044603	2220044603	2220044603	33781216505	33781216505	33781216505	33781216505	695195	695195	695195	695195	5.43	5.43	5.43	1	39.47	39.47	39.47	1	56.66	56.66	56.66	1	0	0	0	1	0.06	0.06	0.06	1	0.06	0.06	0.06	1	0.06	0.06	0.06	1	56.88	56.88	56.88	1	\N	\N	0.34	0.34	0.34	1	1	1	1	1	1
13	2026-11-25 14:00:00+00	4.599999904632568	38.7400016784668	56.70000076293945	0	0.05000000074505806	0.05000000074505806	0.05000000074505806	18.34000015258789	\N	\N	\N	\N	\N	\N	\N	\N	0.8700000047683716	2	2	2	2	2	2	2	2	2222018465	2222018465	2222018465	2222018465	33786923493	33786923493	33786923493	33786923493	698795	698795	698795	698795	4.6	4.6	4.6	1	38.74	38.74	38.74	1	56.7	56.7	56.7	1	0	0	0	1	0.05	0.05	0.05	1	0.05	0.05	0.05	1	0.05	0.05	0.05	1	18.34	18.34	18.34	1	\N	\N	0.87	0.87	0.87	1	1	1	1	1	1
13	2026-11-25 15:00:00+00	3.869999885559082	38.56999969482422	56.72999954223633	0	0.03999999910593033	0.03999999910593033	0.03999999910593033	31.190000534057617	\N	\N	\N	\N	\N	\N	\N	\N	0.10999999940395355	6	6	6	6	0	0	0	0	2223321120	2223321120	2223321120	2223321120	33790535495	33790535495	33790535495	33790535495	702395	702395	702395	702395	3.87	3.87	3.87	1	38.57	38.57	38.57	1	56.73	56.73	56.73	1	0	0	0	1	0.04	0.04	0.04	1	0.04	0.04	0.04	1	0.04	0.04	0.04	1	31.19	31.19	31.19	1	\N	\N	0.11	0.11	0.11	1	1	1	1	1	1
13	2026-11-25 16:00:00+00	4.559999942779541	41.7400016784668	56.77000045776367	0	0.05000000074505806	0.05000000074505806	0.05000000074505806	27.6200008392334	\N	\N	\N	\N	\N	\N	\N	\N	0.4099999964237213	6	6	6	6	0	0	0	0	2228531535	2228531535	2228531535	2228531535	33806596501	33806596501	33806596501	33806596501	705995	705995	705995	705995	4.56	4.56	4.56	1	41.74	41.74	41.74	1	56.77	56.77	56.77	1	0	0	0	1	0.05	0.05	0.05	1	0.05	0.05	0.05	1	0.05	0.05	0.05	1	27.62	27.62	27.62	1	\N	\N	0.41	0.41	0.41	1	1	1	1	1	1
13	2026-11-25 17:00:00+00	4.110000133514404	41.720001220703125	56.810001373291016	0	0.03999999910593033	0.03999999910593033	0.03999999910593033	27.100000381469727	\N	\N	\N	\N	\N	\N	\N	\N	0.47999998927116394	9	9	9	9	0	0	0	0	2233279177	2233279177	2233279177	2233279177	33821681305	33821681305	33821681305	33821681305	709595	709595	709595	709595	4.11	4.11	4.11	1	41.72	41.72	41.72	1	56.81	56.81	56.81	1	0	0	0	1	0.04	0.04	0.04	1	0.04	0.04	0.04	1	0.04	0.04	0.04	1	27.1	27.1	27.1	1	\N	\N	0.48	0.48	0.48	1	1	1	1	1	1
13	2026-11-25 18:00:00+00	2.809999942779541	34.56999969482422	56.849998474121094	0	0.029999999329447746	0.029999999329447746	0.029999999329447746	31.190000534057617	\N	\N	\N	\N	\N	\N	\N	\N	0.3700000047683716	6	6	6	6	0	0	0	0	2235354477	2235354477	2235354477	2235354477	33827681021	33827681021	33827681021	33827681021	713195	713195	713195	713195	2.81	2.81	2.81	1	34.57	34.57	34.57	1	56.85	56.85	56.85	1	0	0	0	1	0.03	0.03	0.03	1	0.03	0.03	0.03	1	0.03	0.03	0.03	1	31.19	31.19	31.19	1	\N	\N	0.37	0.37	0.37	1	1	1	1	1	1
13	2026-11-25 19:00:00+00	2.259999990463257	40.06999969482422	56.880001068115234	0	0.019999999552965164	0.019999999552965164	0.019999999552965164	17.81999969482422	\N	\N	\N	\N	\N	\N	\N	\N	0.20000000298023224	4	4	4	4	0	0	0	0	2238598273	2238598273	2238598273	2238598273	33836411365	33836411365	33836411365	33836411365	716795	716795	716795	716795	2.26	2.26	2.26	1	40.07	40.07	40.07	1	56.88	56.88	56.88	1	0	0	0	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	17.82	17.82	17.82	1	\N	\N	0.2	0.2	0.2	1	1	1	1	1	1
13	2026-11-25 20:00:00+00	3.509999990463257	36.689998626708984	56.91999816894531	0	0.03999999910593033	0.03999999910593033	0.029999999329447746	39.34000015258789	\N	\N	\N	\N	\N	\N	\N	\N	0.11999999731779099	3	3	3	3	0	0	0	0	2240504365	2240504365	2240504365	2240504365	33840700071	33840700071	33840700071	33840700071	720395	720395	720395	720395	3.51	3.51	3.51	1	36.69	36.69	36.69	1	56.92	56.92	56.92	1	0	0	0	1	0.04	0.04	0.04	1	0.04	0.04	0.04	1	0.03	0.03	0.03	1	39.34	39.34	39.34	1	\N	\N	0.12	0.12	0.12	1	1	1	1	1	1
13	2026-11-25 21:00:00+00	2.4600000381469727	37.52000045776367	56.95000076293945	0	0.019999999552965164	0.019999999552965164	0.019999999552965164	23.34000015258789	\N	\N	\N	\N	\N	\N	\N	\N	0.3400000035762787	3	3	3	3	0	0	0	0	2241788047	2241788047	2241788047	2241788047	33843588355	33843588355	33843588355	33843588355	723995	723995	723995	723995	2.46	2.46	2.46	1	37.52	37.52	37.52	1	56.95	56.95	56.95	1	0	0	0	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	23.34	23.34	23.34	1	\N	\N	0.34	0.34	0.34	1	1	1	1	1	1
13	2026-11-25 22:00:00+00	1.659999966621399	36.5	56.9900016784668	0	0.019999999552965164	0.019999999552965164	0.019999999552965164	27.520000457763672	\N	\N	\N	\N	\N	\N	\N	\N	0.18000000715255737	4	4	4	4	0	0	0	0	2243181990	2243181990	2243181990	2243181990	33846724728	33846724728	33846724728	33846724728	727595	727595	727595	727595	1.66	1.66	1.66	1	36.5	36.5	36.5	1	56.99	56.99	56.99	1	0	0	0	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	27.52	27.52	27.52	1	\N	\N	0.18	0.18	0.18	1	1	1	1	1	1
13	2026-11-25 23:00:00+00	2.2699999809265137	40.400001525878906	57.02000045776367	0	0.019999999552965164	0.019999999552965164	0.019999999552965164	48.040000915527344	\N	\N	\N	\N	\N	\N	\N	\N	0.20000000298023224	7	7	7	7	0	0	0	0	2245777969	2245777969	2245777969	2245777969	33852565680	33852565680	33852565680	33852565680	731195	731195	731195	731195	2.27	2.27	2.27	1	40.4	40.4	40.4	1	57.02	57.02	57.02	1	0	0	0	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	48.04	48.04	48.04	1	\N	\N	0.2	0.2	0.2	1	1	1	1	1	1
13	2026-11-26 00:00:00+00	2.4800000190734863	39.31999969482422	57.060001373291016	0	0.019999999552965164	0.019999999552965164	0.019999999552965164	37.16999816894531	\N	\N	\N	\N	\N	\N	\N	\N	0.14000000059604645	5	5	5	5	0	0	0	0	2248166055	2248166055	2248166055	2248166055	33857938873	33857938873	33857938873	33857938873	734795	734795	734795	734795	2.48	2.48	2.48	1	39.32	39.32	39.32	1	57.06	57.06	57.06	1	0	0	0	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	37.17	37.17	37.17	1	\N	\N	0.14	0.14	0.14	1	1	1	1	1	1
13	2026-11-26 01:00:00+00	1.7699999809265137	40.08000183105469	57.09000015258789	0	0.019999999552965164	0.019999999552965164	0.019999999552965164	35.40999984741211	\N	\N	\N	\N	\N	\N	\N	\N	0.23999999463558197	5	5	5	5	0	0	0	0	2249065536	2249065536	2249065536	2249065536	33859962705	33859962705	33859962705	33859962705	738395	738395	738395	738395	1.77	1.77	1.77	1	40.08	40.08	40.08	1	57.09	57.09	57.09	1	0	0	0	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	35.41	35.41	35.41	1	\N	\N	0.24	0.24	0.24	1	1	1	1	1	1
13	2026-11-26 02:00:00+00	2.200000047683716	39.63999938964844	57.130001068115234	0	0.019999999552965164	0.019999999552965164	0.019999999552965164	32.709999084472656	\N	\N	\N	\N	\N	\N	\N	\N	0.6299999952316284	4	4	4	4	1	1	1	1	2250239694	2250239694	2250239694	2250239694	33862604561	33862604561	33862604561	33862604561	741995	741995	741995	741995	2.2	2.2	2.2	1	39.64	39.64	39.64	1	57.13	57.13	57.13	1	0	0	0	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	32.71	32.71	32.71	1	\N	\N	0.63	0.63	0.63	1	1	1	1	1	1
13	2026-11-26 03:00:00+00	1.0099999904632568	38.880001068115234	57.15999984741211	0	0.009999999776482582	0.009999999776482582	0.009999999776482582	28.510000228881836	\N	\N	\N	\N	\N	\N	\N	\N	0.12999999523162842	2	2	2	2	0	0	0	0	2251908729	2251908729	2251908729	2251908729	33866359891	33866359891	33866359891	33866359891	745595	745595	745595	745595	1.01	1.01	1.01	1	38.88	38.88	38.88	1	57.16	57.16	57.16	1	0	0	0	1	0.01	0.01	0.01	1	0.01	0.01	0.01	1	0.01	0.01	0.01	1	28.51	28.51	28.51	1	\N	\N	0.13	0.13	0.13	1	1	1	1	1	1
13	2026-11-26 04:00:00+00	1.5800000429153442	40.650001525878906	57.20000076293945	0	0.019999999552965164	0.019999999552965164	0.019999999552965164	15.8100004196167	\N	\N	\N	\N	\N	\N	\N	\N	0.3400000035762787	9	9	9	9	0	0	0	0	2252928107	2252928107	2252928107	2252928107	33868653492	33868653492	33868653492	33868653492	749195	749195	749195	749195	1.58	1.58	1.58	1	40.65	40.65	40.65	1	57.2	57.2	57.2	1	0	0	0	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	15.81	15.81	15.81	1	\N	\N	0.34	0.34	0.34	1	1	1	1	1	1
13	2026-11-26 05:00:00+00	2.130000114440918	43.029998779296875	57.22999954223633	0	0.019999999552965164	0.019999999552965164	0.019999999552965164	19.93000030517578	\N	\N	\N	\N	\N	\N	\N	\N	0.17000000178813934	1	1	1	1	0	0	0	0	2254488391	2254488391	2254488391	2254488391	33872164130	33872164130	33872164130	33872164130	752795	752795	752795	752795	2.13	2.13	2.13	1	43.03	43.03	43.03	1	57.23	57.23	57.23	1	0	0	0	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	19.93	19.93	19.93	1	\N	\N	0.17	0.17	0.17	1	1	1	1	1	1
13	2026-11-26 06:00:00+00	2.2100000381469727	38	57.27000045776367	0	0.019999999552965164	0.019999999552965164	0.019999999552965164	14.920000076293945	\N	\N	\N	\N	\N	\N	\N	\N	0.20999999344348907	3	3	3	3	0	0	0	0	2256000105	2256000105	2256000105	2256000105	33875565486	33875565486	33875565486	33875565486	756395	756395	756395	756395	2.21	2.21	2.21	1	38	38	38	1	57.27	57.27	57.27	1	0	0	0	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	14.92	14.92	14.92	1	\N	\N	0.21	0.21	0.21	1	1	1	1	1	1
13	2026-11-26 07:00:00+00	1.9600000381469727	39.790000915527344	57.29999923706055	0	0.019999999552965164	0.019999999552965164	0.019999999552965164	32.369998931884766	\N	\N	\N	\N	\N	\N	\N	\N	0.6700000166893005	4	4	4	4	0	0	0	0	2257378600	2257378600	2257378600	2257378600	33878667100	33878667100	33878667100	33878667100	759995	759995	759995	759995	1.96	1.96	1.96	1	39.79	39.79	39.79	1	57.3	57.3	57.3	1	0	0	0	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	32.37	32.37	32.37	1	\N	\N	0.67	0.67	0.67	1	1	1	1	1	1
13	2026-11-26 08:00:00+00	2.890000104904175	35.439998626708984	57.34000015258789	0	0.029999999329447746	0.029999999329447746	0.029999999329447746	18.18000030517578	\N	\N	\N	\N	\N	\N	\N	\N	0.28999999165534973	1	1	1	1	0	0	0	0	2260979557	2260979557	2260979557	2260979557	33888161873	33888161873	33888161873	33888161873	763595	763595	763595	763595	2.89	2.89	2.89	1	35.44	35.44	35.44	1	57.34	57.34	57.34	1	0	0	0	1	0.03	0.03	0.03	1	0.03	0.03	0.03	1	0.03	0.03	0.03	1	18.18	18.18	18.18	1	\N	\N	0.29	0.29	0.29	1	1	1	1	1	1
13	2026-11-26 09:00:00+00	2.0299999713897705	42.16999816894531	57.369998931884766	0	0.019999999552965164	0.019999999552965164	0.019999999552965164	28.25	\N	\N	\N	\N	\N	\N	\N	\N	0.5	3	3	3	3	0	0	0	0	2263084928	2263084928	2263084928	2263084928	33894069443	33894069443	33894069443	33894069443	767195	767195	767195	767195	2.03	2.03	2.03	1	42.17	42.17	42.17	1	57.37	57.37	57.37	1	0	0	0	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	28.25	28.25	28.25	1	\N	\N	0.5	0.5	0.5	1	1	1	1	1	1
13	2026-11-26 10:00:00+00	2.2799999713897705	38.099998474121094	57.40999984741211	0	0.019999999552965164	0.019999999552965164	0.019999999552965164	25.579999923706055	\N	\N	\N	\N	\N	\N	\N	\N	0.6200000047683716	5	5	5	5	0	0	0	0	2264919327	2264919327	2264919327	2264919327	33899255718	33899255718	33899255718	33899255718	770795	770795	770795	770795	2.28	2.28	2.28	1	38.1	38.1	38.1	1	57.41	57.41	57.41	1	0	0	0	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	25.58	25.58	25.58	1	\N	\N	0.62	0.62	0.62	1	1	1	1	1	1
13	2026-11-26 11:00:00+00	2.2799999713897705	37.689998626708984	57.45000076293945	0	0.019999999552965164	0.019999999552965164	0.019999999552965164	17.489999771118164	\N	\N	\N	\N	\N	\N	\N	\N	0.30000001192092896	12	12	12	12	1	1	1	1	2267956730	2267956730	2267956730	2267956730	33908452463	33908452463	33908452463	33908452463	774395	774395	774395	774395	2.28	2.28	2.28	1	37.69	37.69	37.69	1	57.45	57.45	57.45	1	0	0	0	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	17.49	17.49	17.49	1	\N	\N	0.3	0.3	0.3	1	1	1	1	1	1
13	2026-11-26 12:00:00+00	8.100000381469727	40.849998474121094	57.4900016784668	0	0.07999999821186066	0.07999999821186066	0.07999999821186066	29.959999084472656	\N	\N	\N	\N	\N	\N	\N	\N	0.8600000143051147	5	5	5	5	1	1	1	1	2271040386	2271040386	2271040386	2271040386	33918576554	33918576554	33918576554	33918576554	777995	777995	777995	777995	8.1	8.1	8.1	1	40.85	40.85	40.85	1	57.49	57.49	57.49	1	0	0	0	1	0.08	0.08	0.08	1	0.08	0.08	0.08	1	0.08	0.08	0.08	1	29.96	29.96	29.96	1	\N	\N	0.86	0.86	0.86	1	1	1	1	1	1
13	2026-11-26 13:00:00+00	2.509999990463257	40.2599983215332	57.529998779296875	0	0.029999999329447746	0.029999999329447746	0.029999999329447746	11.949999809265137	\N	\N	\N	\N	\N	\N	\N	\N	0.3100000023841858	6	6	6	6	0	0	0	0	2275748375	2275748375	2275748375	2275748375	33932619975	33932619975	33932619975	33932619975	781595	781595	781595	781595	2.51	2.51	2.51	1	40.26	40.26	40.26	1	57.53	57.53	57.53	1	0	0	0	1	0.03	0.03	0.03	1	0.03	0.03	0.03	1	0.03	0.03	0.03	1	11.95	11.95	11.95	1	\N	\N	0.31	0.31	0.31	1	1	1	1	1	1
13	2026-11-26 14:00:00+00	2.1700000762939453	38.959999084472656	57.560001373291016	0	0.019999999552965164	0.019999999552965164	0.019999999552965164	23.5	\N	\N	\N	\N	\N	\N	\N	\N	0.3100000023841858	6	6	6	6	0	0	0	0	2278161777	2278161777	2278161777	2278161777	33939151395	33939151395	33939151395	33939151395	785195	785195	785195	785195	2.17	2.17	2.17	1	38.96	38.96	38.96	1	57.56	57.56	57.56	1	0	0	0	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	23.5	23.5	23.5	1	\N	\N	0.31	0.31	0.31	1	1	1	1	1	1
13	2026-11-26 15:00:00+00	4.590000152587891	41.75	57.599998474121094	0	0.05000000074505806	0.05000000074505806	0.05000000074505806	41.58000183105469	\N	\N	\N	\N	\N	\N	\N	\N	0.41999998688697815	9	9	9	9	1	1	1	1	2284331513	2284331513	2284331513	2284331513	33956551736	33956551736	33956551736	33956551736	788795	788795	788795	788795	4.59	4.59	4.59	1	41.75	41.75	41.75	1	57.6	57.6	57.6	1	0	0	0	1	0.05	0.05	0.05	1	0.05	0.05	0.05	1	0.05	0.05	0.05	1	41.58	41.58	41.58	1	\N	\N	0.42	0.42	0.42	1	1	1	1	1	1
13	2026-11-26 16:00:00+00	1.4800000190734863	42.060001373291016	57.630001068115234	0	0.009999999776482582	0.009999999776482582	0.019999999552965164	22.950000762939453	\N	\N	\N	\N	\N	\N	\N	\N	0.12999999523162842	5	5	5	5	0	0	0	0	2286065792	2286065792	2286065792	2286065792	33961354611	33961354611	33961354611	33961354611	792395	792395	792395	792395	1.48	1.48	1.48	1	42.06	42.06	42.06	1	57.63	57.63	57.63	1	0	0	0	1	0.01	0.01	0.01	1	0.01	0.01	0.01	1	0.02	0.02	0.02	1	22.95	22.95	22.95	1	\N	\N	0.13	0.13	0.13	1	1	1	1	1	1
13	2026-11-26 17:00:00+00	3.7200000286102295	40.95000076293945	57.66999816894531	0	0.03999999910593033	0.03999999910593033	0.03999999910593033	25.06999969482422	\N	\N	\N	\N	\N	\N	\N	\N	0.38999998569488525	6	6	6	6	0	0	0	0	2289203597	2289203597	2289203597	2289203597	33971033975	33971033975	33971033975	33971033975	795995	795995	795995	795995	3.72	3.72	3.72	1	40.95	40.95	40.95	1	57.67	57.67	57.67	1	0	0	0	1	0.04	0.04	0.04	1	0.04	0.04	0.04	1	0.04	0.04	0.04	1	25.07	25.07	25.07	1	\N	\N	0.39	0.39	0.39	1	1	1	1	1	1
13	2026-11-26 18:00:00+00	2.0399999618530273	40.95000076293945	57.709999084472656	0	0.019999999552965164	0.019999999552965164	0.019999999552965164	45.40999984741211	\N	\N	\N	\N	\N	\N	\N	\N	0.41999998688697815	6	6	6	6	0	0	0	0	2292375085	2292375085	2292375085	2292375085	33980355481	33980355481	33980355481	33980355481	799595	799595	799595	799595	2.04	2.04	2.04	1	40.95	40.95	40.95	1	57.71	57.71	57.71	1	0	0	0	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	45.41	45.41	45.41	1	\N	\N	0.42	0.42	0.42	1	1	1	1	1	1
13	2026-11-26 19:00:00+00	0.949999988079071	39.08000183105469	57.75	0	0.009999999776482582	0.009999999776482582	0.009999999776482582	21.899999618530273	\N	\N	\N	\N	\N	\N	\N	\N	0.4699999988079071	5	5	5	5	0	0	0	0	2294682232	2294682232	2294682232	2294682232	33986627710	33986627710	33986627710	33986627710	803195	803195	803195	803195	0.95	0.95	0.95	1	39.08	39.08	39.08	1	57.75	57.75	57.75	1	0	0	0	1	0.01	0.01	0.01	1	0.01	0.01	0.01	1	0.01	0.01	0.01	1	21.9	21.9	21.9	1	\N	\N	0.47	0.47	0.47	1	1	1	1	1	1
13	2026-11-26 20:00:00+00	1.6699999570846558	37.400001525878906	57.779998779296875	0	0.019999999552965164	0.019999999552965164	0.019999999552965164	31.829999923706055	\N	\N	\N	\N	\N	\N	\N	\N	0.3400000035762787	8	8	8	8	0	0	0	0	2296536375	2296536375	2296536375	2296536375	33990799532	33990799532	33990799532	33990799532	806795	806795	806795	806795	1.67	1.67	1.67	1	37.4	37.4	37.4	1	57.78	57.78	57.78	1	0	0	0	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	31.83	31.83	31.83	1	\N	\N	0.34	0.34	0.34	1	1	1	1	1	1
13	2026-11-26 21:00:00+00	2.0999999046325684	38.70000076293945	57.81999969482422	0	0.019999999552965164	0.019999999552965164	0.019999999552965164	21.899999618530273	\N	\N	\N	\N	\N	\N	\N	\N	0.8299999833106995	2	2	2	2	0	0	0	0	2297564867	2297564867	2297564867	2297564867	33993113640	33993113640	33993113640	33993113640	810395	810395	810395	810395	2.1	2.1	2.1	1	38.7	38.7	38.7	1	57.82	57.82	57.82	1	0	0	0	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	21.9	21.9	21.9	1	\N	\N	0.83	0.83	0.83	1	1	1	1	1	1
13	2026-11-26 22:00:00+00	1.600000023841858	34.90999984741211	57.849998474121094	0	0.019999999552965164	0.019999999552965164	0.019999999552965164	55.119998931884766	\N	\N	\N	\N	\N	\N	\N	\N	0.25	5	5	5	5	0	0	0	0	2299507642	2299507642	2299507642	2299507642	33997484882	33997484882	33997484882	33997484882	813995	813995	813995	813995	1.6	1.6	1.6	1	34.91	34.91	34.91	1	57.85	57.85	57.85	1	0	0	0	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	55.12	55.12	55.12	1	\N	\N	0.25	0.25	0.25	1	1	1	1	1	1
13	2026-11-26 23:00:00+00	2.8499999046325684	40.599998474121094	57.88999938964844	0	0.029999999329447746	0.029999999329447746	0.029999999329447746	24.25	\N	\N	\N	\N	\N	\N	\N	\N	0.1899999976158142	4	4	4	4	0	0	0	0	2300511302	2300511302	2300511302	2300511302	33999743118	33999743118	33999743118	33999743118	817595	817595	817595	817595	2.85	2.85	2.85	1	40.6	40.6	40.6	1	57.89	57.89	57.89	1	0	0	0	1	0.03	0.03	0.03	1	0.03	0.03	0.03	1	0.03	0.03	0.03	1	24.25	24.25	24.25	1	\N	\N	0.19	0.19	0.19	1	1	1	1	1	1
13	2026-11-27 00:00:00+00	2.2699999809265137	39.29999923706055	57.91999816894531	0	0.019999999552965164	0.019999999552965164	0.019999999552965164	34.4900016784668	\N	\N	\N	\N	\N	\N	\N	\N	0.1899999976158142	6	6	6	6	1	1	1	1	2302511908	2302511908	2302511908	2302511908	34004244480	34004244480	34004244480	34004244480	821195	821195	821195	821195	2.27	2.27	2.27	1	39.3	39.3	39.3	1	57.92	57.92	57.92	1	0	0	0	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	34.49	34.49	34.49	1	\N	\N	0.19	0.19	0.19	1	1	1	1	1	1
13	2026-11-27 01:00:00+00	1.4199999570846558	40.5099983215332	57.959999084472656	0	0.009999999776482582	0.009999999776482582	0.009999999776482582	50.15999984741211	\N	\N	\N	\N	\N	\N	\N	\N	0.25	3	3	3	3	0	0	0	0	2303901736	2303901736	2303901736	2303901736	34007371594	34007371594	34007371594	34007371594	824795	824795	824795	824795	1.42	1.42	1.42	1	40.51	40.51	40.51	1	57.96	57.96	57.96	1	0	0	0	1	0.01	0.01	0.01	1	0.01	0.01	0.01	1	0.01	0.01	0.01	1	50.16	50.16	50.16	1	\N	\N	0.25	0.25	0.25	1	1	1	1	1	1
13	2026-11-27 02:00:00+00	3.1500000953674316	40.369998931884766	57.9900016784668	0	0.029999999329447746	0.029999999329447746	0.029999999329447746	35.11000061035156	\N	\N	\N	\N	\N	\N	\N	\N	0.3199999928474426	1	1	1	1	0	0	0	0	2305741694	2305741694	2305741694	2305741694	34011511499	34011511499	34011511499	34011511499	828395	828395	828395	828395	3.15	3.15	3.15	1	40.37	40.37	40.37	1	57.99	57.99	57.99	1	0	0	0	1	0.03	0.03	0.03	1	0.03	0.03	0.03	1	0.03	0.03	0.03	1	35.11	35.11	35.11	1	\N	\N	0.32	0.32	0.32	1	1	1	1	1	1
13	2026-11-27 03:00:00+00	2.8299999237060547	40.619998931884766	58.029998779296875	0	0.029999999329447746	0.029999999329447746	0.029999999329447746	30.260000228881836	\N	\N	\N	\N	\N	\N	\N	\N	0.23999999463558197	7	7	7	7	0	0	0	0	2306661708	2306661708	2306661708	2306661708	34013581531	34013581531	34013581531	34013581531	831995	831995	831995	831995	2.83	2.83	2.83	1	40.62	40.62	40.62	1	58.03	58.03	58.03	1	0	0	0	1	0.03	0.03	0.03	1	0.03	0.03	0.03	1	0.03	0.03	0.03	1	30.26	30.26	30.26	1	\N	\N	0.24	0.24	0.24	1	1	1	1	1	1
13	2026-11-27 04:00:00+00	0.7300000190734863	39.34000015258789	58.060001373291016	0	0.009999999776482582	0.009999999776482582	0.009999999776482582	25.780000686645508	\N	\N	\N	\N	\N	\N	\N	\N	0.3400000035762787	4	4	4	4	0	0	0	0	2308264223	2308264223	2308264223	2308264223	34017187190	34017187190	34017187190	34017187190	835595	835595	835595	835595	0.73	0.73	0.73	1	39.34	39.34	39.34	1	58.06	58.06	58.06	1	0	0	0	1	0.01	0.01	0.01	1	0.01	0.01	0.01	1	0.01	0.01	0.01	1	25.78	25.78	25.78	1	\N	\N	0.34	0.34	0.34	1	1	1	1	1	1
13	2026-11-27 05:00:00+00	0.4000000059604645	40.81999969482422	58.099998474121094	0	0	0	0	27.059999465942383	\N	\N	\N	\N	\N	\N	\N	\N	0.1899999976158142	3	3	3	3	0	0	0	0	2310721216	2310721216	2310721216	2310721216	34022715424	34022715424	34022715424	34022715424	839195	839195	839195	839195	0.4	0.4	0.4	1	40.82	40.82	40.82	1	58.1	58.1	58.1	1	0	0	0	1	0	0	0	1	0	0	0	1	0	0	0	1	27.06	27.06	27.06	1	\N	\N	0.19	0.19	0.19	1	1	1	1	1	1
13	2026-11-27 06:00:00+00	1.2899999618530273	35.59000015258789	58.130001068115234	0	0.009999999776482582	0.009999999776482582	0.009999999776482582	30.450000762939453	\N	\N	\N	\N	\N	\N	\N	\N	0.4399999976158142	5	5	5	5	0	0	0	0	2311745753	2311745753	2311745753	2311745753	34025020631	34025020631	34025020631	34025020631	842795	842795	842795	842795	1.29	1.29	1.29	1	35.59	35.59	35.59	1	58.13	58.13	58.13	1	0	0	0	1	0.01	0.01	0.01	1	0.01	0.01	0.01	1	0.01	0.01	0.01	1	30.45	30.45	30.45	1	\N	\N	0.44	0.44	0.44	1	1	1	1	1	1
13	2026-11-27 07:00:00+00	0.8799999952316284	41.95000076293945	58.16999816894531	0	0.009999999776482582	0.009999999776482582	0.009999999776482582	21.389999389648438	\N	\N	\N	\N	\N	\N	\N	\N	0.4300000071525574	5	5	5	5	0	0	0	0	2313105160	2313105160	2313105160	2313105160	34028079299	34028079299	34028079299	34028079299	846395	846395	846395	846395	0.88	0.88	0.88	1	41.95	41.95	41.95	1	58.17	58.17	58.17	1	0	0	0	1	0.01	0.01	0.01	1	0.01	0.01	0.01	1	0.01	0.01	0.01	1	21.39	21.39	21.39	1	\N	\N	0.43	0.43	0.43	1	1	1	1	1	1
13	2026-11-27 08:00:00+00	1.309999942779541	38.59000015258789	58.20000076293945	0	0.009999999776482582	0.009999999776482582	0.009999999776482582	25.540000915527344	\N	\N	\N	\N	\N	\N	\N	\N	0.30000001192092896	3	3	3	3	0	0	0	0	2316477337	2316477337	2316477337	2316477337	34037449703	34037449703	34037449703	34037449703	849995	849995	849995	849995	1.31	1.31	1.31	1	38.59	38.59	38.59	1	58.2	58.2	58.2	1	0	0	0	1	0.01	0.01	0.01	1	0.01	0.01	0.01	1	0.01	0.01	0.01	1	25.54	25.54	25.54	1	\N	\N	0.3	0.3	0.3	1	1	1	1	1	1
13	2026-11-27 09:00:00+00	3.059999942779541	37.939998626708984	58.2400016784668	0	0.029999999329447746	0.029999999329447746	0.029999999329447746	32.459999084472656	\N	\N	\N	\N	\N	\N	\N	\N	0.7400000095367432	7	7	7	7	0	0	0	0	2317782688	2317782688	2317782688	2317782688	34041171614	34041171614	34041171614	34041171614	853595	853595	853595	853595	3.06	3.06	3.06	1	37.94	37.94	37.94	1	58.24	58.24	58.24	1	0	0	0	1	0.03	0.03	0.03	1	0.03	0.03	0.03	1	0.03	0.03	0.03	1	32.46	32.46	32.46	1	\N	\N	0.74	0.74	0.74	1	1	1	1	1	1
13	2026-11-27 10:00:00+00	2.559999942779541	40.4900016784668	58.27000045776367	0	0.029999999329447746	0.029999999329447746	0.029999999329447746	31.15999984741211	\N	\N	\N	\N	\N	\N	\N	\N	0.18000000715255737	7	7	7	7	0	0	0	0	2319238169	2319238169	2319238169	2319238169	34045233699	34045233699	34045233699	34045233699	857195	857195	857195	857195	2.56	2.56	2.56	1	40.49	40.49	40.49	1	58.27	58.27	58.27	1	0	0	0	1	0.03	0.03	0.03	1	0.03	0.03	0.03	1	0.03	0.03	0.03	1	31.16	31.16	31.16	1	\N	\N	0.18	0.18	0.18	1	1	1	1	1	1
13	2026-11-27 11:00:00+00	5.230000019073486	43.779998779296875	58.310001373291016	0	0.05000000074505806	0.05000000074505806	0.05000000074505806	32.93000030517578	\N	\N	\N	\N	\N	\N	\N	\N	0.25999999046325684	4	4	4	4	0	0	0	0	2324576834	2324576834	2324576834	2324576834	34062172087	34062172087	34062172087	34062172087	860795	860795	860795	860795	5.23	5.23	5.23	1	43.78	43.78	43.78	1	58.31	58.31	58.31	1	0	0	0	1	0.05	0.05	0.05	1	0.05	0.05	0.05	1	0.05	0.05	0.05	1	32.93	32.93	32.93	1	\N	\N	0.26	0.26	0.26	1	1	1	1	1	1
13	2026-11-27 12:00:00+00	3.2899999618530273	41.66999816894531	58.349998474121094	0	0.029999999329447746	0.029999999329447746	0.029999999329447746	40.52000045776367	\N	\N	\N	\N	\N	\N	\N	\N	0.3700000047683716	4	4	4	4	0	0	0	0	2327502749	2327502749	2327502749	2327502749	34071749348	34071749348	34071749348	34071749348	864395	864395	864395	864395	3.29	3.29	3.29	1	41.67	41.67	41.67	1	58.35	58.35	58.35	1	0	0	0	1	0.03	0.03	0.03	1	0.03	0.03	0.03	1	0.03	0.03	0.03	1	40.52	40.52	40.52	1	\N	\N	0.37	0.37	0.37	1	1	1	1	1	1
13	2026-11-27 13:00:00+00	2.6600000858306885	39.58000183105469	58.38999938964844	0	0.029999999329447746	0.029999999329447746	0.029999999329447746	20.34000015258789	\N	\N	\N	\N	\N	\N	\N	\N	0.5600000023841858	6	6	6	6	0	0	0	0	2329901955	2329901955	2329901955	2329901955	34078725302	34078725302	34078725302	34078725302	867995	867995	867995	867995	2.66	2.66	2.66	1	39.58	39.58	39.58	1	58.39	58.39	58.39	1	0	0	0	1	0.03	0.03	0.03	1	0.03	0.03	0.03	1	0.03	0.03	0.03	1	20.34	20.34	20.34	1	\N	\N	0.56	0.56	0.56	1	1	1	1	1	1
14	2026-11-25 13:00:00+00	5.440000057220459	42.380001068115234	45.7400016784668	0	0.05999999865889549	0.05999999865889549	0.05999999865889549	28.65999984741211	0	0	0	0	0	0	0	0	0.25	9	9	9	9	0	0	0	0	2331830606	2331830606	2331830606	2331830606	2638630305	2638630305	2638630305	2638630305	450527	450527	450527	450527	5.44	5.44	5.44	1	42.38	42.38	42.38	1	45.74	45.74	45.74	1	0	0	0	1	0.06	0.06	0.06	1	0.06	0.06	0.06	1	0.06	0.06	0.06	1	28.66	28.66	28.66	1	1	1	0.25	0.25	0.25	1	1	1	1	1	1
14	2026-11-25 14:00:00+00	11.100000381469727	44.97999954223633	45.779998779296875	0	0.2199999988079071	0.2199999988079071	0.2199999988079071	19.850000381469727	8	8	8	8	214.92	214.92	214.92	214.92	0.20000000298023224	8	8	8	8	0	0	0	0	2336630640	2336630640	2336630640	2336630640	2655665584	2655665584	2655665584	2655665584	454127	454127	454127	454127	11.1	11.1	11.1	1	44.98	44.98	44.98	1	45.78	45.78	45.78	1	0	0	0	1	0.22	0.22	0.22	1	0.22	0.22	0.22	1	0.22	0.22	0.22	1	19.85	19.85	19.85	1	1	1	0.2	0.2	0.2	1	1	1	1	1	1
14	2026-11-25 15:00:00+00	11.600000381469727	41.290000915527344	45.81999969482422	0	0.23000000417232513	0.23000000417232513	0.23000000417232513	21.610000610351562	8	8	8	8	136.94	136.94	136.94	136.94	0.4300000071525574	8	8	8	8	0	0	0	0	2342814812	2342814812	2342814812	2342814812	2677209007	2677209007	2677209007	2677209007	457727	457727	457727	457727	11.6	11.6	11.6	1	41.29	41.29	41.29	1	45.82	45.82	45.82	1	0	0	0	1	0.23	0.23	0.23	1	0.23	0.23	0.23	1	0.23	0.23	0.23	1	21.61	21.61	21.61	1	1	1	0.43	0.43	0.43	1	1	1	1	1	1
14	2026-11-25 16:00:00+00	14.489999771118164	42.58000183105469	45.869998931884766	0	0.28999999165534973	0.28999999165534973	0.28999999165534973	17.549999237060547	12	12	12	12	295.64	295.64	295.64	295.64	0.3700000047683716	9	9	9	9	0	0	0	0	2347052100	2347052100	2347052100	2347052100	2692546661	2692546661	2692546661	2692546661	461327	461327	461327	461327	14.49	14.49	14.49	1	42.58	42.58	42.58	1	45.87	45.87	45.87	1	0	0	0	1	0.29	0.29	0.29	1	0.29	0.29	0.29	1	0.29	0.29	0.29	1	17.55	17.55	17.55	1	1	1	0.37	0.37	0.37	1	1	1	1	1	1
14	2026-11-25 17:00:00+00	18.8799991607666	47.16999816894531	45.93000030517578	0	0.3799999952316284	0.3799999952316284	0.3799999952316284	19.020000457763672	15	15	15	15	328.92	328.92	328.92	328.92	0.2199999988079071	10	10	10	10	0	0	0	0	2376652086	2376652086	2376652086	2376652086	2804200443	2804200443	2804200443	2804200443	464927	464927	464927	464927	18.88	18.88	18.88	1	47.17	47.17	47.17	1	45.93	45.93	45.93	1	0	0	0	1	0.38	0.38	0.38	1	0.38	0.38	0.38	1	0.38	0.38	0.38	1	19.02	19.02	19.02	1	1	1	0.22	0.22	0.22	1	1	1	1	1	1
14	2026-11-25 18:00:00+00	16.690000534057617	41.380001068115234	45.970001220703125	0	0.33000001311302185	0.33000001311302185	0.33000001311302185	28.850000381469727	8	8	8	8	166.41	166.41	166.41	166.41	0.27000001072883606	9	9	9	9	1	1	1	1	2386873421	2386873421	2386873421	2386873421	2840662724	2840662724	2840662724	2840662724	468527	468527	468527	468527	16.69	16.69	16.69	1	41.38	41.38	41.38	1	45.97	45.97	45.97	1	0	0	0	1	0.33	0.33	0.33	1	0.33	0.33	0.33	1	0.33	0.33	0.33	1	28.85	28.85	28.85	1	1	1	0.27	0.27	0.27	1	1	1	1	1	1
14	2026-11-25 19:00:00+00	11.550000190734863	41.79999923706055	46.0099983215332	0	0.23000000417232513	0.23000000417232513	0.23000000417232513	17.110000610351562	6	6	6	6	88.98	88.98	88.98	88.98	0.36000001430511475	7	7	7	7	0	0	0	0	2394999277	2394999277	2394999277	2394999277	2868903415	2868903415	2868903415	2868903415	472127	472127	472127	472127	11.55	11.55	11.55	1	41.8	41.8	41.8	1	46.01	46.01	46.01	1	0	0	0	1	0.23	0.23	0.23	1	0.23	0.23	0.23	1	0.23	0.23	0.23	1	17.11	17.11	17.11	1	1	1	0.36	0.36	0.36	1	1	1	1	1	1
14	2026-11-25 20:00:00+00	6.639999866485596	38.93000030517578	46.04999923706055	0	0.12999999523162842	0.12999999523162842	0.12999999523162842	14.279999732971191	0	0	0	0	0	0	0	0	0.38999998569488525	5	5	5	5	0	0	0	0	2396180489	2396180489	2396180489	2396180489	2871561141	2871561141	2871561141	2871561141	475727	475727	475727	475727	6.64	6.64	6.64	1	38.93	38.93	38.93	1	46.05	46.05	46.05	1	0	0	0	1	0.13	0.13	0.13	1	0.13	0.13	0.13	1	0.13	0.13	0.13	1	14.28	14.28	14.28	1	1	1	0.39	0.39	0.39	1	1	1	1	1	1
14	2026-11-25 21:00:00+00	4.5	36.68000030517578	46.08000183105469	0	0.09000000357627869	0.09000000357627869	0.09000000357627869	28.010000228881836	0	0	0	0	0	0	0	0	0.23999999463558197	2	2	2	2	2	2	2	2	2398131145	2398131145	2398131145	2398131145	2875950117	2875950117	2875950117	2875950117	479327	479327	479327	479327	4.5	4.5	4.5	1	36.68	36.68	36.68	1	46.08	46.08	46.08	1	0	0	0	1	0.09	0.09	0.09	1	0.09	0.09	0.09	1	0.09	0.09	0.09	1	28.01	28.01	28.01	1	1	1	0.24	0.24	0.24	1	1	1	1	1	1
14	2026-11-25 22:00:00+00	7.900000095367432	37.2599983215332	46.119998931884766	0	0.1599999964237213	0.1599999964237213	0.1599999964237213	11.199999809265137	0	0	0	0	0	0	0	0	0.3799999952316284	2	2	2	2	1	1	1	1	2399085924	2399085924	2399085924	2399085924	2878098369	2878098369	2878098369	2878098369	482927	482927	482927	482927	7.9	7.9	7.9	1	37.26	37.26	37.26	1	46.12	46.12	46.12	1	0	0	0	1	0.16	0.16	0.16	1	0.16	0.16	0.16	1	0.16	0.16	0.16	1	11.2	11.2	11.2	1	1	1	0.38	0.38	0.38	1	1	1	1	1	1
14	2026-11-25 23:00:00+00	6.159999847412109	37.2599983215332	46.150001525878906	0	0.11999999731779099	0.11999999731779099	0.11999999731779099	16.139999389648438	0	0	0	0	0	0	0	0	0.05999999865889549	2	2	2	2	1	1	1	1	2400717704	2400717704	2400717704	2400717704	2881769875	2881769875	2881769875	2881769875	486527	486527	486527	486527	6.16	6.16	6.16	1	37.26	37.26	37.26	1	46.15	46.15	46.15	1	0	0	0	1	0.12	0.12	0.12	1	0.12	0.12	0.12	1	0.12	0.12	0.12	1	16.14	16.14	16.14	1	1	1	0.06	0.06	0.06	1	1	1	1	1	1
14	2026-11-26 00:00:00+00	7.510000228881836	38.11000061035156	46.189998626708984	0	0.15000000596046448	0.15000000596046448	0.15000000596046448	20.329999923706055	0	0	0	0	0	0	0	0	0.25	3	3	3	3	1	1	1	1	2401856806	2401856806	2401856806	2401856806	2884332855	2884332855	2884332855	2884332855	490127	490127	490127	490127	7.51	7.51	7.51	1	38.11	38.11	38.11	1	46.19	46.19	46.19	1	0	0	0	1	0.15	0.15	0.15	1	0.15	0.15	0.15	1	0.15	0.15	0.15	1	20.33	20.33	20.33	1	1	1	0.25	0.25	0.25	1	1	1	1	1	1
14	2026-11-26 01:00:00+00	6.260000228881836	35.61000061035156	46.220001220703125	0	0.12999999523162842	0.12999999523162842	0.12999999523162842	29.899999618530273	0	0	0	0	0	0	0	0	0.2199999988079071	2	2	2	2	1	1	1	1	2403455099	2403455099	2403455099	2403455099	2887929014	2887929014	2887929014	2887929014	493727	493727	493727	493727	6.26	6.26	6.26	1	35.61	35.61	35.61	1	46.22	46.22	46.22	1	0	0	0	1	0.13	0.13	0.13	1	0.13	0.13	0.13	1	0.13	0.13	0.13	1	29.9	29.9	29.9	1	1	1	0.22	0.22	0.22	1	1	1	1	1	1
14	2026-11-26 02:00:00+00	4.460000038146973	34.84000015258789	46.2599983215332	0	0.09000000357627869	0.09000000357627869	0.09000000357627869	19	0	0	0	0	0	0	0	0	0.4099999964237213	3	3	3	3	0	0	0	0	2404098781	2404098781	2404098781	2404098781	2889377298	2889377298	2889377298	2889377298	497327	497327	497327	497327	4.46	4.46	4.46	1	34.84	34.84	34.84	1	46.26	46.26	46.26	1	0	0	0	1	0.09	0.09	0.09	1	0.09	0.09	0.09	1	0.09	0.09	0.09	1	19	19	19	1	1	1	0.41	0.41	0.41	1	1	1	1	1	1
14	2026-11-26 03:00:00+00	5.210000038146973	40.93000030517578	46.290000915527344	0	0.10000000149011612	0.10000000149011612	0.10000000149011612	18.3700008392334	0	0	0	0	0	0	0	0	0.07999999821186066	4	4	4	4	0	0	0	0	2405309658	2405309658	2405309658	2405309658	2892101771	2892101771	2892101771	2892101771	500927	500927	500927	500927	5.21	5.21	5.21	1	40.93	40.93	40.93	1	46.29	46.29	46.29	1	0	0	0	1	0.1	0.1	0.1	1	0.1	0.1	0.1	1	0.1	0.1	0.1	1	18.37	18.37	18.37	1	1	1	0.08	0.08	0.08	1	1	1	1	1	1
14	2026-11-26 04:00:00+00	8.100000381469727	36.45000076293945	46.33000183105469	0	0.1599999964237213	0.1599999964237213	0.1599999964237213	14.0600004196167	0	0	0	0	0	0	0	0	0.4000000059604645	8	8	8	8	0	0	0	0	2406153422	2406153422	2406153422	2406153422	2894000241	2894000241	2894000241	2894000241	504527	504527	504527	504527	8.1	8.1	8.1	1	36.45	36.45	36.45	1	46.33	46.33	46.33	1	0	0	0	1	0.16	0.16	0.16	1	0.16	0.16	0.16	1	0.16	0.16	0.16	1	14.06	14.06	14.06	1	1	1	0.4	0.4	0.4	1	1	1	1	1	1
14	2026-11-26 05:00:00+00	6.610000133514404	32.52000045776367	46.36000061035156	0	0.12999999523162842	0.12999999523162842	0.12999999523162842	12.670000076293945	0	0	0	0	0	0	0	0	0.2800000011920929	3	3	3	3	0	0	0	0	2407553027	2407553027	2407553027	2407553027	2897149351	2897149351	2897149351	2897149351	508127	508127	508127	508127	6.61	6.61	6.61	1	32.52	32.52	32.52	1	46.36	46.36	46.36	1	0	0	0	1	0.13	0.13	0.13	1	0.13	0.13	0.13	1	0.13	0.13	0.13	1	12.67	12.67	12.67	1	1	1	0.28	0.28	0.28	1	1	1	1	1	1
14	2026-11-26 06:00:00+00	6.630000114440918	36.52000045776367	46.400001525878906	0	0.12999999523162842	0.12999999523162842	0.12999999523162842	14.020000457763672	0	0	0	0	0	0	0	0	0.15000000596046448	6	6	6	6	0	0	0	0	2408668388	2408668388	2408668388	2408668388	2899658913	2899658913	2899658913	2899658913	511727	511727	511727	511727	6.63	6.63	6.63	1	36.52	36.52	36.52	1	46.4	46.4	46.4	1	0	0	0	1	0.13	0.13	0.13	1	0.13	0.13	0.13	1	0.13	0.13	0.13	1	14.02	14.02	14.02	1	1	1	0.15	0.15	0.15	1	1	1	1	1	1
14	2026-11-26 07:00:00+00	6.300000190734863	36.040000915527344	46.43000030517578	0	0.12999999523162842	0.12999999523162842	0.12999999523162842	22.670000076293945	0	0	0	0	0	0	0	0	0.36000001430511475	7	7	7	7	0	0	0	0	2410352133	2410352133	2410352133	2410352133	2903447340	2903447340	2903447340	2903447340	515327	515327	515327	515327	6.3	6.3	6.3	1	36.04	36.04	36.04	1	46.43	46.43	46.43	1	0	0	0	1	0.13	0.13	0.13	1	0.13	0.13	0.13	1	0.13	0.13	0.13	1	22.67	22.67	22.67	1	1	1	0.36	0.36	0.36	1	1	1	1	1	1
14	2026-11-26 08:00:00+00	12.90999984741211	42.70000076293945	46.470001220703125	0	0.25999999046325684	0.25999999046325684	0.25999999046325684	14.819999694824219	8	8	8	8	185.81	185.81	185.81	185.81	0.4399999976158142	9	9	9	9	1	1	1	1	2413379431	2413379431	2413379431	2413379431	2913955553	2913955553	2913955553	2913955553	518927	518927	518927	518927	12.91	12.91	12.91	1	42.7	42.7	42.7	1	46.47	46.47	46.47	1	0	0	0	1	0.26	0.26	0.26	1	0.26	0.26	0.26	1	0.26	0.26	0.26	1	14.82	14.82	14.82	1	1	1	0.44	0.44	0.44	1	1	1	1	1	1
14	2026-11-26 09:00:00+00	7.289999961853027	42.0099983215332	46.5099983215332	0	0.15000000596046448	0.15000000596046448	0.15000000596046448	12.600000381469727	6	6	6	6	130.16	130.16	130.16	130.16	0.6000000238418579	10	10	10	10	0	0	0	0	2416303431	2416303431	2416303431	2416303431	2923590379	2923590379	2923590379	2923590379	522527	522527	522527	522527	7.29	7.29	7.29	1	42.01	42.01	42.01	1	46.51	46.51	46.51	1	0	0	0	1	0.15	0.15	0.15	1	0.15	0.15	0.15	1	0.15	0.15	0.15	1	12.6	12.6	12.6	1	1	1	0.6	0.6	0.6	1	1	1	1	1	1
14	2026-11-26 10:00:00+00	16.440000534057617	42.86000061035156	46.560001373291016	0	0.33000001311302185	0.33000001311302185	0.33000001311302185	21.739999771118164	14	14	14	14	341.79	341.79	341.79	341.79	0.20999999344348907	10	10	10	10	1	1	1	1	2421007443	2421007443	2421007443	2421007443	2940540484	2940540484	2940540484	2940540484	526127	526127	526127	526127	16.44	16.44	16.44	1	42.86	42.86	42.86	1	46.56	46.56	46.56	1	0	0	0	1	0.33	0.33	0.33	1	0.33	0.33	0.33	1	0.33	0.33	0.33	1	21.74	21.74	21.74	1	1	1	0.21	0.21	0.21	1	1	1	1	1	1
14	2026-11-26 11:00:00+00	18.469999313354492	44.7599983215332	46.61000061035156	0	0.3700000047683716	0.3700000047683716	0.3700000047683716	16.360000610351562	18	18	18	18	456.79	456.79	456.79	456.79	0.25999999046325684	9	9	9	9	0	0	0	0	2426125619	2426125619	2426125619	2426125619	2959252118	2959252118	2959252118	2959252118	529727	529727	529727	529727	18.47	18.47	18.47	1	44.76	44.76	44.76	1	46.61	46.61	46.61	1	0	0	0	1	0.37	0.37	0.37	1	0.37	0.37	0.37	1	0.37	0.37	0.37	1	16.36	16.36	16.36	1	1	1	0.26	0.26	0.26	1	1	1	1	1	1
14	2026-11-26 12:00:00+00	21.81999969482422	45.86000061035156	46.65999984741211	0	0.4399999976158142	0.4399999976158142	0.4399999976158142	26.90999984741211	12	12	12	12	257.47	257.47	257.47	257.47	0.5799999833106995	13	13	13	13	0	0	0	0	2428955075	2428955075	2428955075	2428955075	2969801535	2969801535	2969801535	2969801535	533327	533327	533327	533327	21.82	21.82	21.82	1	45.86	45.86	45.86	1	46.66	46.66	46.66	1	0	0	0	1	0.44	0.44	0.44	1	0.44	0.44	0.44	1	0.44	0.44	0.44	1	26.91	26.91	26.91	1	1	1	0.58	0.58	0.58	1	1	1	1	1	1
14	2026-11-26 13:00:00+00	18.690000534057617	43.720001220703125	46.709999084472656	0	0.3700000047683716	0.3700000047683716	0.3700000047683716	22.6299991607666	26	26	26	26	526.91	526.91	526.91	526.91	0.30000001192092896	8	8	8	8	1	1	1	1	2436018776	2436018776	2436018776	2436018776	2996055721	2996055721	2996055721	2996055721	536927	536927	536927	536927	18.69	18.69	18.69	1	43.72	43.72	43.72	1	46.71	46.71	46.71	1	0	0	0	1	0.37	0.37	0.37	1	0.37	0.37	0.37	1	0.37	0.37	0.37	1	22.63	22.63	22.63	1	1	1	0.3	0.3	0.3	1	1	1	1	1	1
14	2026-11-26 14:00:00+00	13.979999542236328	39.959999084472656	46.75	0	0.2800000011920929	0.2800000011920929	0.2800000011920929	25.06999969482422	5	5	5	5	90.8	90.8	90.8	90.8	0.3100000023841858	1	1	1	1	0	0	0	0	2439853277	2439853277	2439853277	2439853277	3009346171	3009346171	3009346171	3009346171	540527	540527	540527	540527	13.98	13.98	13.98	1	39.96	39.96	39.96	1	46.75	46.75	46.75	1	0	0	0	1	0.28	0.28	0.28	1	0.28	0.28	0.28	1	0.28	0.28	0.28	1	25.07	25.07	25.07	1	1	1	0.31	0.31	0.31	1	1	1	1	1	1
14	2026-11-26 15:00:00+00	9.600000381469727	40.65999984741211	46.790000915527344	0	0.1899999976158142	0.1899999976158142	0.1899999976158142	12.289999961853027	7	7	7	7	195.79	195.79	195.79	195.79	0.33000001311302185	5	5	5	5	0	0	0	0	2443556015	2443556015	2443556015	2443556015	3022144589	3022144589	3022144589	3022144589	544127	544127	544127	544127	9.6	9.6	9.6	1	40.66	40.66	40.66	1	46.79	46.79	46.79	1	0	0	0	1	0.19	0.19	0.19	1	0.19	0.19	0.19	1	0.19	0.19	0.19	1	12.29	12.29	12.29	1	1	1	0.33	0.33	0.33	1	1	1	1	1	1
14	2026-11-26 16:00:00+00	15.40999984741211	46.65999984741211	46.84000015258789	0	0.3100000023841858	0.3100000023841858	0.3100000023841858	12.40999984741211	13	13	13	13	331.98	331.98	331.98	331.98	0.25	5	5	5	5	0	0	0	0	2450787964	2450787964	2450787964	2450787964	3048814824	3048814824	3048814824	3048814824	547727	547727	547727	547727	15.41	15.41	15.41	1	46.66	46.66	46.66	1	46.84	46.84	46.84	1	0	0	0	1	0.31	0.31	0.31	1	0.31	0.31	0.31	1	0.31	0.31	0.31	1	12.41	12.41	12.41	1	1	1	0.25	0.25	0.25	1	1	1	1	1	1
14	2026-11-26 17:00:00+00	20.25	47.70000076293945	46.900001525878906	0	0.4000000059604645	0.4000000059604645	0.4000000059604645	21.649999618530273	18	18	18	18	433.7	433.7	433.7	433.7	0.23000000417232513	12	12	12	12	0	0	0	0	2457834266	2457834266	2457834266	2457834266	3075486075	3075486075	3075486075	3075486075	551327	551327	551327	551327	20.25	20.25	20.25	1	47.7	47.7	47.7	1	46.9	46.9	46.9	1	0	0	0	1	0.4	0.4	0.4	1	0.4	0.4	0.4	1	0.4	0.4	0.4	1	21.65	21.65	21.65	1	1	1	0.23	0.23	0.23	1	1	1	1	1	1
14	2026-11-26 18:00:00+00	19.530000686645508	45.81999969482422	46.95000076293945	0	0.38999998569488525	0.38999998569488525	0.38999998569488525	22.049999237060547	21	21	21	21	462.39	462.39	462.39	462.39	0.3700000047683716	8	8	8	8	0	0	0	0	2463297490	2463297490	2463297490	2463297490	3095731988	3095731988	3095731988	3095731988	554927	554927	554927	554927	19.53	19.53	19.53	1	45.82	45.82	45.82	1	46.95	46.95	46.95	1	0	0	0	1	0.39	0.39	0.39	1	0.39	0.39	0.39	1	0.39	0.39	0.39	1	22.05	22.05	22.05	1	1	1	0.37	0.37	0.37	1	1	1	1	1	1
14	2026-11-26 19:00:00+00	15.75	43.060001373291016	47	0	0.3100000023841858	0.3100000023841858	0.3199999928474426	22.3799991607666	13	13	13	13	232.1	232.1	232.1	232.1	0.07999999821186066	10	10	10	10	1	1	1	1	2468390039	2468390039	2468390039	2468390039	3114023731	3114023731	3114023731	3114023731	558527	558527	558527	558527	15.75	15.75	15.75	1	43.06	43.06	43.06	1	47	47	47	1	0	0	0	1	0.31	0.31	0.31	1	0.31	0.31	0.31	1	0.32	0.32	0.32	1	22.38	22.38	22.38	1	1	1	0.08	0.08	0.08	1	1	1	1	1	1
14	2026-11-26 20:00:00+00	4.840000152587891	38.220001220703125	47.029998779296875	0	0.10000000149011612	0.10000000149011612	0.10000000149011612	12.59000015258789	0	0	0	0	0	0	0	0	0.3400000035762787	3	3	3	3	0	0	0	0	2469807284	2469807284	2469807284	2469807284	3117212533	3117212533	3117212533	3117212533	562127	562127	562127	562127	4.84	4.84	4.84	1	38.22	38.22	38.22	1	47.03	47.03	47.03	1	0	0	0	1	0.1	0.1	0.1	1	0.1	0.1	0.1	1	0.1	0.1	0.1	1	12.59	12.59	12.59	1	1	1	0.34	0.34	0.34	1	1	1	1	1	1
14	2026-11-26 21:00:00+00	6.380000114440918	37.08000183105469	47.06999969482422	0	0.12999999523162842	0.12999999523162842	0.12999999523162842	19.229999542236328	0	0	0	0	0	0	0	0	0.6000000238418579	3	3	3	3	0	0	0	0	2471572420	2471572420	2471572420	2471572420	3121184088	3121184088	3121184088	3121184088	565727	565727	565727	565727	6.38	6.38	6.38	1	37.08	37.08	37.08	1	47.07	47.07	47.07	1	0	0	0	1	0.13	0.13	0.13	1	0.13	0.13	0.13	1	0.13	0.13	0.13	1	19.23	19.23	19.23	1	1	1	0.6	0.6	0.6	1	1	1	1	1	1
14	2026-11-26 22:00:00+00	6.900000095367432	41.439998626708984	47.099998474121094	0	0.14000000059604645	0.14000000059604645	0.14000000059604645	15.539999961853027	0	0	0	0	0	0	0	0	0.2800000011920929	9	9	9	9	0	0	0	0	2472124866	2472124866	2472124866	2472124866	3122427093	3122427093	3122427093	3122427093	569327	569327	569327	569327	6.9	6.9	6.9	1	41.44	41.44	41.44	1	47.1	47.1	47.1	1	0	0	0	1	0.14	0.14	0.14	1	0.14	0.14	0.14	1	0.14	0.14	0.14	1	15.54	15.54	15.54	1	1	1	0.28	0.28	0.28	1	1	1	1	1	1
14	2026-11-26 23:00:00+00	6.900000095367432	36.709999084472656	47.13999938964844	0	0.14000000059604645	0.14000000059604645	0.14000000059604645	21.469999313354492	0	0	0	0	0	0	0	0	0.46000000834465027	7	7	7	7	0	0	0	0	2473826991	2473826991	2473826991	2473826991	3126256873	3126256873	3126256873	3126256873	572927	572927	572927	572927	6.9	6.9	6.9	1	36.71	36.71	36.71	1	47.14	47.14	47.14	1	0	0	0	1	0.14	0.14	0.14	1	0.14	0.14	0.14	1	0.14	0.14	0.14	1	21.47	21.47	21.47	1	1	1	0.46	0.46	0.46	1	1	1	1	1	1
14	2026-11-27 00:00:00+00	7.579999923706055	40.060001373291016	47.16999816894531	0	0.15000000596046448	0.15000000596046448	0.15000000596046448	15.729999542236328	0	0	0	0	0	0	0	0	0.36000001430511475	1	1	1	1	0	0	0	0	2475567095	2475567095	2475567095	2475567095	3130172107	3130172107	3130172107	3130172107	576527	576527	576527	576527	7.58	7.58	7.58	1	40.06	40.06	40.06	1	47.17	47.17	47.17	1	0	0	0	1	0.15	0.15	0.15	1	0.15	0.15	0.15	1	0.15	0.15	0.15	1	15.73	15.73	15.73	1	1	1	0.36	0.36	0.36	1	1	1	1	1	1
14	2026-11-27 01:00:00+00	6.650000095367432	36.20000076293945	47.209999084472656	0	0.12999999523162842	0.12999999523162842	0.12999999523162842	19.299999237060547	0	0	0	0	0	0	0	0	0.33000001311302185	5	5	5	5	1	1	1	1	2477433337	2477433337	2477433337	2477433337	3134371151	3134371151	3134371151	3134371151	580127	580127	580127	580127	6.65	6.65	6.65	1	36.2	36.2	36.2	1	47.21	47.21	47.21	1	0	0	0	1	0.13	0.13	0.13	1	0.13	0.13	0.13	1	0.13	0.13	0.13	1	19.3	19.3	19.3	1	1	1	0.33	0.33	0.33	1	1	1	1	1	1
14	2026-11-27 02:00:00+00	8.420000076293945	39.84000015258789	47.2400016784668	0	0.17000000178813934	0.17000000178813934	0.17000000178813934	18.799999237060547	0	0	0	0	0	0	0	0	0.3199999928474426	5	5	5	5	0	0	0	0	2480495609	2480495609	2480495609	2480495609	3141261264	3141261264	3141261264	3141261264	583727	583727	583727	583727	8.42	8.42	8.42	1	39.84	39.84	39.84	1	47.24	47.24	47.24	1	0	0	0	1	0.17	0.17	0.17	1	0.17	0.17	0.17	1	0.17	0.17	0.17	1	18.8	18.8	18.8	1	1	1	0.32	0.32	0.32	1	1	1	1	1	1
14	2026-11-27 03:00:00+00	7.21999979019165	37.619998931884766	47.279998779296875	0	0.14000000059604645	0.14000000059604645	0.14000000059604645	14.069999694824219	0	0	0	0	0	0	0	0	0.4300000071525574	9	9	9	9	1	1	1	1	2481959794	2481959794	2481959794	2481959794	3144555681	3144555681	3144555681	3144555681	587327	587327	587327	587327	7.22	7.22	7.22	1	37.62	37.62	37.62	1	47.28	47.28	47.28	1	0	0	0	1	0.14	0.14	0.14	1	0.14	0.14	0.14	1	0.14	0.14	0.14	1	14.07	14.07	14.07	1	1	1	0.43	0.43	0.43	1	1	1	1	1	1
14	2026-11-27 04:00:00+00	5.599999904632568	41.400001525878906	47.310001373291016	0	0.10999999940395355	0.10999999940395355	0.10999999940395355	15.329999923706055	0	0	0	0	0	0	0	0	0.25999999046325684	3	3	3	3	0	0	0	0	2483586821	2483586821	2483586821	2483586821	3148216490	3148216490	3148216490	3148216490	590927	590927	590927	590927	5.6	5.6	5.6	1	41.4	41.4	41.4	1	47.31	47.31	47.31	1	0	0	0	1	0.11	0.11	0.11	1	0.11	0.11	0.11	1	0.11	0.11	0.11	1	15.33	15.33	15.33	1	1	1	0.26	0.26	0.26	1	1	1	1	1	1
14	2026-11-27 05:00:00+00	2.9600000381469727	36.900001525878906	47.349998474121094	0	0.05999999865889549	0.05999999865889549	0.05999999865889549	13.539999961853027	0	0	0	0	0	0	0	0	0.5199999809265137	5	5	5	5	0	0	0	0	2485426943	2485426943	2485426943	2485426943	3152356765	3152356765	3152356765	3152356765	594527	594527	594527	594527	2.96	2.96	2.96	1	36.9	36.9	36.9	1	47.35	47.35	47.35	1	0	0	0	1	0.06	0.06	0.06	1	0.06	0.06	0.06	1	0.06	0.06	0.06	1	13.54	13.54	13.54	1	1	1	0.52	0.52	0.52	1	1	1	1	1	1
14	2026-11-27 06:00:00+00	7.360000133514404	38.65999984741211	47.380001068115234	0	0.15000000596046448	0.15000000596046448	0.15000000596046448	14.729999542236328	0	0	0	0	0	0	0	0	0.30000001192092896	3	3	3	3	0	0	0	0	2486557838	2486557838	2486557838	2486557838	3154901280	3154901280	3154901280	3154901280	598127	598127	598127	598127	7.36	7.36	7.36	1	38.66	38.66	38.66	1	47.38	47.38	47.38	1	0	0	0	1	0.15	0.15	0.15	1	0.15	0.15	0.15	1	0.15	0.15	0.15	1	14.73	14.73	14.73	1	1	1	0.3	0.3	0.3	1	1	1	1	1	1
14	2026-11-27 07:00:00+00	6.119999885559082	38.41999816894531	47.41999816894531	0	0.11999999731779099	0.11999999731779099	0.11999999731779099	14.039999961853027	0	0	0	0	0	0	0	0	0.1599999964237213	9	9	9	9	0	0	0	0	2489586050	2489586050	2489586050	2489586050	3161714756	3161714756	3161714756	3161714756	601727	601727	601727	601727	6.12	6.12	6.12	1	38.42	38.42	38.42	1	47.42	47.42	47.42	1	0	0	0	1	0.12	0.12	0.12	1	0.12	0.12	0.12	1	0.12	0.12	0.12	1	14.04	14.04	14.04	1	1	1	0.16	0.16	0.16	1	1	1	1	1	1
14	2026-11-27 08:00:00+00	11.260000228881836	40.130001068115234	47.459999084472656	0	0.23000000417232513	0.23000000417232513	0.2199999988079071	23.739999771118164	7	7	7	7	173.09	173.09	173.09	173.09	0.4000000059604645	4	4	4	4	1	1	1	1	2494788905	2494788905	2494788905	2494788905	3180012302	3180012302	3180012302	3180012302	605327	605327	605327	605327	11.26	11.26	11.26	1	40.13	40.13	40.13	1	47.46	47.46	47.46	1	0	0	0	1	0.23	0.23	0.23	1	0.23	0.23	0.23	1	0.22	0.22	0.22	1	23.74	23.74	23.74	1	1	1	0.4	0.4	0.4	1	1	1	1	1	1
14	2026-11-27 09:00:00+00	11.079999923706055	42.5	47.5	0	0.2199999988079071	0.2199999988079071	0.2199999988079071	18.530000686645508	7	7	7	7	176.33	176.33	176.33	176.33	0.5099999904632568	4	4	4	4	0	0	0	0	2497873862	2497873862	2497873862	2497873862	3190631547	3190631547	3190631547	3190631547	608927	608927	608927	608927	11.08	11.08	11.08	1	42.5	42.5	42.5	1	47.5	47.5	47.5	1	0	0	0	1	0.22	0.22	0.22	1	0.22	0.22	0.22	1	0.22	0.22	0.22	1	18.53	18.53	18.53	1	1	1	0.51	0.51	0.51	1	1	1	1	1	1
14	2026-11-27 10:00:00+00	15.020000457763672	42.68000030517578	47.54999923706055	0	0.30000001192092896	0.30000001192092896	0.30000001192092896	20.969999313354492	11	11	11	11	308.88	308.88	308.88	308.88	0.8399999737739563	4	4	4	4	0	0	0	0	2501503503	2501503503	2501503503	2501503503	3203452338	3203452338	3203452338	3203452338	612527	612527	612527	612527	15.02	15.02	15.02	1	42.68	42.68	42.68	1	47.55	47.55	47.55	1	0	0	0	1	0.3	0.3	0.3	1	0.3	0.3	0.3	1	0.3	0.3	0.3	1	20.97	20.97	20.97	1	1	1	0.84	0.84	0.84	1	1	1	1	1	1
14	2026-11-27 11:00:00+00	21.110000610351562	49.880001068115234	47.599998474121094	0	0.41999998688697815	0.41999998688697815	0.41999998688697815	22.93000030517578	21	21	21	21	512.26	512.26	512.26	512.26	0.5400000214576721	10	10	10	10	0	0	0	0	2512962161	2512962161	2512962161	2512962161	3246669401	3246669401	3246669401	3246669401	616127	616127	616127	616127	21.11	21.11	21.11	1	49.88	49.88	49.88	1	47.6	47.6	47.6	1	0	0	0	1	0.42	0.42	0.42	1	0.42	0.42	0.42	1	0.42	0.42	0.42	1	22.93	22.93	22.93	1	1	1	0.54	0.54	0.54	1	1	1	1	1	1
14	2026-11-27 12:00:00+00	29.610000610351562	54.09000015258789	47.66999816894531	0	0.5899999737739563	0.5899999737739563	0.5899999737739563	23.170000076293945	24	24	24	24	519.57	519.57	519.57	519.57	0.4300000071525574	6	6	6	6	0	0	0	0	2525939722	2525939722	2525939722	2525939722	3296372152	3296372152	3296372152	3296372152	619727	619727	619727	619727	29.61	29.61	29.61	1	54.09	54.09	54.09	1	47.67	47.67	47.67	1	0	0	0	1	0.59	0.59	0.59	1	0.59	0.59	0.59	1	0.59	0.59	0.59	1	23.17	23.17	23.17	1	1	1	0.43	0.43	0.43	1	1	1	1	1	1
14	2026-11-27 13:00:00+00	19.610000610351562	50.31999969482422	47.720001220703125	0	0.38999998569488525	0.38999998569488525	0.4000000059604645	24.809999465942383	20	20	20	20	353.2	353.2	353.2	353.2	0.3400000035762787	10	10	10	10	0	0	0	0	2541141396	2541141396	2541141396	2541141396	3353417346	3353417346	3353417346	3353417346	623327	623327	623327	623327	19.61	19.61	19.61	1	50.32	50.32	50.32	1	47.72	47.72	47.72	1	0	0	0	1	0.39	0.39	0.39	1	0.39	0.39	0.39	1	0.4	0.4	0.4	1	24.81	24.81	24.81	1	1	1	0.34	0.34	0.34	1	1	1	1	1	1
\.


--
-- Data for Name: rollup_1m_20261116; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.rollup_1m_20261116 (device, bucket, cpu_percent_sum, memory_percent_sum, disk_percent_sum, swap_percent_sum, load_1m_sum, load_5m_sum, load_15m_sum, network_latency_ms_sum, transaction_count_sum, transaction_count_min, transaction_count_max, transaction_count_last, transaction_volume_sum, transaction_volume_min, transaction_volume_max, transaction_volume_last, error_rate_sum, active_connections_sum, active_connections_min, active_connections_max, active_connections_last, queue_depth_sum, queue_depth_min, queue_depth_max, queue_depth_last, bytes_sent_sum, bytes_sent_min, bytes_sent_max, bytes_sent_last, bytes_received_sum, bytes_received_min, bytes_received_max, bytes_received_last, uptime_seconds_sum, uptime_seconds_min, uptime_seconds_max, uptime_seconds_last, cpu_percent_min, cpu_percent_max, cpu_percent_last, cpu_percent_count, memory_percent_min, memory_percent_max, memory_percent_last, memory_percent_count, disk_percent_min, disk_percent_max, disk_percent_last, disk_percent_count, swap_percent_min, swap_percent_max, swap_percent_last, swap_percent_count, load_1m_min, load_1m_max, load_1m_last, load_1m_count, load_5m_min, load_5m_max, load_5m_last, load_5m_count, load_15m_min, load_15m_max, load_15m_last, load_15m_count, network_latency_ms_min, network_latency_ms_max, network_latency_ms_last, network_latency_ms_count, transaction_count_count, transaction_volume_count, error_rate_min, error_rate_max, error_rate_last, error_rate_count, active_connections_count, queue_depth_count, bytes_sent_count, bytes_received_count, uptime_seconds_count) FROM stdin;
\.


--
-- Data for Name: rollup_1m_20261123; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.rollup_1m_20261123 (device, bucket, cpu_percent_sum, memory_percent_sum, disk_percent_sum, swap_percent_sum, load_1m_sum, load_5m_sum, load_15m_sum, network_latency_ms_sum, transaction_count_sum, transaction_count_min, transaction_count_max, transaction_count_last, transaction_volume_sum, transaction_volume_min, transaction_volume_max, transaction_volume_last, error_rate_sum, active_connections_sum, active_connections_min, active_connections_max, active_connections_last, queue_depth_sum, queue_depth_min, queue_depth_max, queue_depth_last, bytes_sent_sum, bytes_sent_min, bytes_sent_max, bytes_sent_last, bytes_received_sum, bytes_received_min, bytes_received_max, bytes_received_last, uptime_seconds_sum, uptime_seconds_min, uptime_seconds_max, uptime_seconds_last, cpu_percent_min, cpu_percent_max, cpu_percent_last, cpu_percent_count, memory_percent_min, memory_percent_max, memory_percent_last, memory_percent_count, disk_percent_min, disk_percent_max, disk_percent_last, disk_percent_count, swap_percent_min, swap_percent_max, swap_percent_last, swap_percent_count, load_1m_min, load_1m_max, load_1m_last, load_1m_count, load_5m_min, load_5m_max, load_5m_last, load_5m_count, load_15m_min, load_15m_max, load_15m_last, load_15m_count, network_latency_ms_min, network_latency_ms_max, network_latency_ms_last, network_latency_ms_count, transaction_count_count, transaction_volume_count, error_rate_min, error_rate_max, error_rate_last, error_rate_count, active_connections_count, queue_depth_count, bytes_sent_count, bytes_received_count, uptime_seconds_count) FROM stdin;
1	2026-11-27 11:46:00+00	10	3.25	\N	\N	\N	\N	\N	\N	17	17	17	17	1234.56	1234.56	1234.56	1234.56	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	10	10	10	1	3.25	3.25	3.25	1	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	1	1	\N	\N	\N	\N	\N	\N	\N	\N	\N
1	2026-11-27 12:06:00+00	11	3.25	\N	\N	\N	\N	\N	\N	17	17	17	17	1234.56	1234.56	1234.56	1234.56	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	11	11	11	1	3.25	3.25	3.25	1	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	1	1	\N	\N	\N	\N	\N	\N	\N	\N	\N
1	2026-11-27 12:26:00+00	12	3.25	\N	\N	\N	\N	\N	\N	17	17	17	17	1234.56	1234.56	1234.56	1234.56	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	12	12	12	1	3.25	3.25	3.25	1	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	1	1	\N	\N	\N	\N	\N	\N	\N	\N	\N
1	2026-11-27 12:46:00+00	13	3.25	\N	\N	\N	\N	\N	\N	17	17	17	17	1234.56	1234.56	1234.56	1234.56	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	13	13	13	1	3.25	3.25	3.25	1	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	1	1	\N	\N	\N	\N	\N	\N	\N	\N	\N
1	2026-11-27 13:06:00+00	14	3.25	\N	\N	\N	\N	\N	\N	17	17	17	17	1234.56	1234.56	1234.56	1234.56	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	14	14	14	1	3.25	3.25	3.25	1	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	1	1	\N	\N	\N	\N	\N	\N	\N	\N	\N
1	2026-11-27 13:26:00+00	15	3.25	\N	\N	\N	\N	\N	\N	17	17	17	17	1234.56	1234.56	1234.56	1234.56	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	15	15	15	1	3.25	3.25	3.25	1	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	1	1	\N	\N	\N	\N	\N	\N	\N	\N	\N
1	2026-11-27 13:46:00+00	16	3.25	\N	\N	\N	\N	\N	\N	17	17	17	17	1234.56	1234.56	1234.56	1234.56	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	16	16	16	1	3.25	3.25	3.25	1	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	1	1	\N	\N	\N	\N	\N	\N	\N	\N	\N
9	2026-11-25 22:36:00+00	11	3.25	\N	\N	\N	\N	\N	\N	17	17	17	17	1234.56	1234.56	1234.56	1234.56	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	11	11	11	1	3.25	3.25	3.25	1	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	1	1	\N	\N	\N	\N	\N	\N	\N	\N	\N
13	2026-11-25 13:36:00+00	5.429999828338623	39.470001220703125	56.65999984741211	0	0.05999999865889549	0.05999999865889549	0.05999999865889549	56.880001068115234	\N	\N	\N	\N	\N	\N	\N	\N	0.3400000035762787	8	8	8	8	0	0	0	0	2220044603	2220044603	2220044603	2220044603	33781216505	33781216505	33781216505	33781216505	695195	695195	695195	695195	5.43	5.43	5.43	1	39.47	39.47	39.47	1	56.66	56.66	56.66	1	0	0	0	1	0.06	0.06	0.06	1	0.06	0.06	0.06	1	0.06	0.06	0.06	1	56.88	56.88	56.88	1	\N	\N	0.34	0.34	0.34	1	1	1	1	1	1
13	2026-11-25 14:36:00+00	4.599999904632568	38.7400016784668	56.70000076293945	0	0.05000000074505806	0.05000000074505806	0.05000000074505806	18.34000015258789	\N	\N	\N	\N	\N	\N	\N	\N	0.8700000047683716	2	2	2	2	2	2	2	2	2222018465	2222018465	2222018465	2222018465	33786923493	33786923493	33786923493	33786923493	698795	698795	698795	698795	4.6	4.6	4.6	1	38.74	38.74	38.74	1	56.7	56.7	56.7	1	0	0	0	1	0.05	0.05	0.05	1	0.05	0.05	0.05	1	0.05	0.05	0.05	1	18.34	18.34	18.34	1	\N	\N	0.87	0.87	0.87	1	1	1	1	1	1
13	2026-11-25 15:36:00+00	3.869999885559082	38.56999969482422	56.72999954223633	0	0.03999999910593033	0.03999999910593033	0.03999999910593033	31.190000534057617	\N	\N	\N	\N	\N	\N	\N	\N	0.10999999940395355	6	6	6	6	0	0	0	0	2223321120	2223321120	2223321120	2223321120	33790535495	33790535495	33790535495	33790535495	702395	702395	702395	702395	3.87	3.87	3.87	1	38.57	38.57	38.57	1	56.73	56.73	56.73	1	0	0	0	1	0.04	0.04	0.04	1	0.04	0.04	0.04	1	0.04	0.04	0.04	1	31.19	31.19	31.19	1	\N	\N	0.11	0.11	0.11	1	1	1	1	1	1
13	2026-11-25 16:36:00+00	4.559999942779541	41.7400016784668	56.77000045776367	0	0.05000000074505806	0.05000000074505806	0.05000000074505806	27.6200008392334	\N	\N	\N	\N	\N	\N	\N	\N	0.4099999964237213	6	6	6	6	0	0	0	0	2228531535	2228531535	2228531535	2228531535	33806596501	33806596501	33806596501	33806596501	705995	705995	705995	705995	4.56	4.56	4.56	1	41.74	41.74	41.74	1	56.77	56.77	56.77	1	0	0	0	1	0.05	0.05	0.05	1	0.05	0.05	0.05	1	0.05	0.05	0.05	1	27.62	27.62	27.62	1	\N	\N	0.41	0.41	0.41	1	1	1	1	1	1
13	2026-11-25 17:36:00+00	4.110000133514404	41.720001220703125	56.810001373291016	0	0.03999999910593033	0.03999999910593033	0.03999999910593033	27.100000381469727	\N	\N	\N	\N	\N	\N	\N	\N	0.47999998927116394	9	9	9	9	0	0	0	0	2233279177	2233279177	2233279177	2233279177	33821681305	33821681305	33821681305	33821681305	709595	709595	709595	709595	4.11	4.11	4.11	1	41.72	41.72	41.72	1	56.81	56.81	56.81	1	0	0	0	1	0.04	0.04	0.04	1	0.04	0.04	0.04	1	0.04	0.04	0.04	1	27.1	27.1	27.1	1	\N	\N	0.48	0.48	0.48	1	1	1	1	1	1
13	2026-11-25 18:36:00+00	2.809999942779541	34.56999969482422	56.849998474121094	0	0.029999999329447746	0.029999999329447746	0.029999999329447746	31.190000534057617	\N	\N	\N	\N	\N	\N	\N	\N	0.3700000047683716	6	6	6	6	0	0	0	0	2235354477	2235354477	2235354477	2235354477	33827681021	33827681021	33827681021	33827681021	713195	713195	713195	713195	2.81	2.81	2.81	1	34.57	34.57	34.57	1	56.85	56.85	56.85	1	0	0	0	1	0.03	0.03	0.03	1	0.03	0.03	0.03	1	0.03	0.03	0.03	1	31.19	31.19	31.19	1	\N	\N	0.37	0.37	0.37	1	1	1	1	1	1
13	2026-11-25 19:36:00+00	2.259999990463257	40.06999969482422	56.880001068115234	0	0.019999999552965164	0.019999999552965164	0.019999999552965164	17.81999969482422	\N	\N	\N	\N	\N	\N	\N	\N	0.20000000298023224	4	4	4	4	0	0	0	0	2238598273	2238598273	2238598273	2238598273	33836411365	33836411365	33836411365	33836411365	716795	716795	716795	716795	2.26	2.26	2.26	1	40.07	40.07	40.07	1	56.88	56.88	56.88	1	0	0	0	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	17.82	17.82	17.82	1	\N	\N	0.2	0.2	0.2	1	1	1	1	1	1
13	2026-11-25 20:36:00+00	3.509999990463257	36.689998626708984	56.91999816894531	0	0.03999999910593033	0.03999999910593033	0.029999999329447746	39.34000015258789	\N	\N	\N	\N	\N	\N	\N	\N	0.11999999731779099	3	3	3	3	0	0	0	0	2240504365	2240504365	2240504365	2240504365	33840700071	33840700071	33840700071	33840700071	720395	720395	720395	720395	3.51	3.51	3.51	1	36.69	36.69	36.69	1	56.92	56.92	56.92	1	0	0	0	1	0.04	0.04	0.04	1	0.04	0.04	0.04	1	0.03	0.03	0.03	1	39.34	39.34	39.34	1	\N	\N	0.12	0.12	0.12	1	1	1	1	1	1
13	2026-11-25 21:36:00+00	2.4600000381469727	37.52000045776367	56.95000076293945	0	0.019999999552965164	0.019999999552965164	0.019999999552965164	23.34000015258789	\N	\N	\N	\N	\N	\N	\N	\N	0.3400000035762787	3	3	3	3	0	0	0	0	2241788047	2241788047	2241788047	2241788047	33843588355	33843588355	33843588355	33843588355	723995	723995	723995	723995	2.46	2.46	2.46	1	37.52	37.52	37.52	1	56.95	56.95	56.95	1	0	0	0	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	23.34	23.34	23.34	1	\N	\N	0.34	0.34	0.34	1	1	1	1	1	1
13	2026-11-25 22:36:00+00	1.659999966621399	36.5	56.9900016784668	0	0.019999999552965164	0.019999999552965164	0.019999999552965164	27.520000457763672	\N	\N	\N	\N	\N	\N	\N	\N	0.18000000715255737	4	4	4	4	0	0	0	0	2243181990	2243181990	2243181990	2243181990	33846724728	33846724728	33846724728	33846724728	727595	727595	727595	727595	1.66	1.66	1.66	1	36.5	36.5	36.5	1	56.99	56.99	56.99	1	0	0	0	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	27.52	27.52	27.52	1	\N	\N	0.18	0.18	0.18	1	1	1	1	1	1
13	2026-11-25 23:36:00+00	2.2699999809265137	40.400001525878906	57.02000045776367	0	0.019999999552965164	0.019999999552965164	0.019999999552965164	48.040000915527344	\N	\N	\N	\N	\N	\N	\N	\N	0.20000000298023224	7	7	7	7	0	0	0	0	2245777969	2245777969	2245777969	2245777969	33852565680	33852565680	33852565680	33852565680	731195	731195	731195	731195	2.27	2.27	2.27	1	40.4	40.4	40.4	1	57.02	57.02	57.02	1	0	0	0	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	48.04	48.04	48.04	1	\N	\N	0.2	0.2	0.2	1	1	1	1	1	1
13	2026-11-26 00:36:00+00	2.4800000190734863	39.31999969482422	57.060001373291016	0	0.019999999552965164	0.019999999552965164	0.019999999552965164	37.16999816894531	\N	\N	\N	\N	\N	\N	\N	\N	0.14000000059604645	5	5	5	5	0	0	0	0	2248166055	2248166055	2248166055	2248166055	33857938873	33857938873	33857938873	33857938873	734795	734795	734795	734795	2.48	2.48	2.48	1	39.32	39.32	39.32	1	57.06	57.06	57.06	1	0	0	0	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	37.17	37.17	37.17	1	\N	\N	0.14	0.14	0.14	1	1	1	1	1	1
13	2026-11-26 01:36:00+00	1.7699999809265137	40.08000183105469	57.09000015258789	0	0.019999999552965164	0.019999999552965164	0.019999999552965164	35.40999984741211	\N	\N	\N	\N	\N	\N	\N	\N	0.23999999463558197	5	5	5	5	0	0	0	0	2249065536	2249065536	2249065536	2249065536	33859962705	33859962705	33859962705	33859962705	738395	738395	738395	738395	1.77	1.77	1.77	1	40.08	40.08	40.08	1	57.09	57.09	57.09	1	0	0	0	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	35.41	35.41	35.41	1	\N	\N	0.24	0.24	0.24	1	1	1	1	1	1
13	2026-11-26 02:36:00+00	2.200000047683716	39.63999938964844	57.130001068115234	0	0.019999999552965164	0.019999999552965164	0.019999999552965164	32.709999084472656	\N	\N	\N	\N	\N	\N	\N	\N	0.6299999952316284	4	4	4	4	1	1	1	1	2250239694	2250239694	2250239694	2250239694	33862604561	33862604561	33862604561	33862604561	741995	741995	741995	741995	2.2	2.2	2.2	1	39.64	39.64	39.64	1	57.13	57.13	57.13	1	0	0	0	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	32.71	32.71	32.71	1	\N	\N	0.63	0.63	0.63	1	1	1	1	1	1
13	2026-11-26 03:36:00+00	1.0099999904632568	38.880001068115234	57.15999984741211	0	0.009999999776482582	0.009999999776482582	0.009999999776482582	28.510000228881836	\N	\N	\N	\N	\N	\N	\N	\N	0.12999999523162842	2	2	2	2	0	0	0	0	2251908729	2251908729	2251908729	2251908729	33866359891	33866359891	33866359891	33866359891	745595	745595	745595	745595	1.01	1.01	1.01	1	38.88	38.88	38.88	1	57.16	57.16	57.16	1	0	0	0	1	0.01	0.01	0.01	1	0.01	0.01	0.01	1	0.01	0.01	0.01	1	28.51	28.51	28.51	1	\N	\N	0.13	0.13	0.13	1	1	1	1	1	1
13	2026-11-26 04:36:00+00	1.5800000429153442	40.650001525878906	57.20000076293945	0	0.019999999552965164	0.019999999552965164	0.019999999552965164	15.8100004196167	\N	\N	\N	\N	\N	\N	\N	\N	0.3400000035762787	9	9	9	9	0	0	0	0	2252928107	2252928107	2252928107	2252928107	33868653492	33868653492	33868653492	33868653492	749195	749195	749195	749195	1.58	1.58	1.58	1	40.65	40.65	40.65	1	57.2	57.2	57.2	1	0	0	0	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	15.81	15.81	15.81	1	\N	\N	0.34	0.34	0.34	1	1	1	1	1	1
13	2026-11-26 05:36:00+00	2.130000114440918	43.029998779296875	57.22999954223633	0	0.019999999552965164	0.019999999552965164	0.019999999552965164	19.93000030517578	\N	\N	\N	\N	\N	\N	\N	\N	0.17000000178813934	1	1	1	1	0	0	0	0	2254488391	2254488391	2254488391	2254488391	33872164130	33872164130	33872164130	33872164130	752795	752795	752795	752795	2.13	2.13	2.13	1	43.03	43.03	43.03	1	57.23	57.23	57.23	1	0	0	0	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	19.93	19.93	19.93	1	\N	\N	0.17	0.17	0.17	1	1	1	1	1	1
13	2026-11-26 06:36:00+00	2.2100000381469727	38	57.27000045776367	0	0.019999999552965164	0.019999999552965164	0.019999999552965164	14.920000076293945	\N	\N	\N	\N	\N	\N	\N	\N	0.20999999344348907	3	3	3	3	0	0	0	0	2256000105	2256000105	2256000105	2256000105	33875565486	33875565486	33875565486	33875565486	756395	756395	756395	756395	2.21	2.21	2.21	1	38	38	38	1	57.27	57.27	57.27	1	0	0	0	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	14.92	14.92	14.92	1	\N	\N	0.21	0.21	0.21	1	1	1	1	1	1
13	2026-11-26 07:36:00+00	1.9600000381469727	39.790000915527344	57.29999923706055	0	0.019999999552965164	0.019999999552965164	0.019999999552965164	32.369998931884766	\N	\N	\N	\N	\N	\N	\N	\N	0.6700000166893005	4	4	4	4	0	0	0	0	2257378600	2257378600	2257378600	2257378600	33878667100	33878667100	33878667100	33878667100	759995	759995	759995	759995	1.96	1.96	1.96	1	39.79	39.79	39.79	1	57.3	57.3	57.3	1	0	0	0	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	32.37	32.37	32.37	1	\N	\N	0.67	0.67	0.67	1	1	1	1	1	1
13	2026-11-26 08:36:00+00	2.890000104904175	35.439998626708984	57.34000015258789	0	0.029999999329447746	0.029999999329447746	0.029999999329447746	18.18000030517578	\N	\N	\N	\N	\N	\N	\N	\N	0.28999999165534973	1	1	1	1	0	0	0	0	2260979557	2260979557	2260979557	2260979557	33888161873	33888161873	33888161873	33888161873	763595	763595	763595	763595	2.89	2.89	2.89	1	35.44	35.44	35.44	1	57.34	57.34	57.34	1	0	0	0	1	0.03	0.03	0.03	1	0.03	0.03	0.03	1	0.03	0.03	0.03	1	18.18	18.18	18.18	1	\N	\N	0.29	0.29	0.29	1	1	1	1	1	1
13	2026-11-26 09:36:00+00	2.0299999713897705	42.16999816894531	57.369998931884766	0	0.019999999552965164	0.019999999552965164	0.019999999552965164	28.25	\N	\N	\N	\N	\N	\N	\N	\N	0.5	3	3	3	3	0	0	0	0	2263084928	2263084928	2263084928	2263084928	33894069443	33894069443	33894069443	33894069443	767195	767195	767195	767195	2.03	2.03	2.03	1	42.17	42.17	42.17	1	57.37	57.37	57.37	1	0	0	0	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	28.25	28.25	28.25	1	\N	\N	0.5	0.5	0.5	1	1	1	1	1	1
13	2026-11-26 10:36:00+00	2.2799999713897705	38.099998474121094	57.40999984741211	0	0.019999999552965164	0.019999999552965164	0.019999999552965164	25.579999923706055	\N	\N	\N	\N	\N	\N	\N	\N	0.6200000047683716	5	5	5	5	0	0	0	0	2264919327	2264919327	2264919327	2264919327	33899255718	33899255718	33899255718	33899255718	770795	770795	770795	770795	2.28	2.28	2.28	1	38.1	38.1	38.1	1	57.41	57.41	57.41	1	0	0	0	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	25.58	25.58	25.58	1	\N	\N	0.62	0.62	0.62	1	1	1	1	1	1
13	2026-11-26 11:36:00+00	2.2799999713897705	37.689998626708984	57.45000076293945	0	0.019999999552965164	0.019999999552965164	0.019999999552965164	17.489999771118164	\N	\N	\N	\N	\N	\N	\N	\N	0.30000001192092896	12	12	12	12	1	1	1	1	2267956730	2267956730	2267956730	2267956730	33908452463	33908452463	33908452463	33908452463	774395	774395	774395	774395	2.28	2.28	2.28	1	37.69	37.69	37.69	1	57.45	57.45	57.45	1	0	0	0	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	17.49	17.49	17.49	1	\N	\N	0.3	0.3	0.3	1	1	1	1	1	1
13	2026-11-26 12:36:00+00	8.100000381469727	40.849998474121094	57.4900016784668	0	0.07999999821186066	0.07999999821186066	0.07999999821186066	29.959999084472656	\N	\N	\N	\N	\N	\N	\N	\N	0.8600000143051147	5	5	5	5	1	1	1	1	2271040386	2271040386	2271040386	2271040386	33918576554	33918576554	33918576554	33918576554	777995	777995	777995	777995	8.1	8.1	8.1	1	40.85	40.85	40.85	1	57.49	57.49	57.49	1	0	0	0	1	0.08	0.08	0.08	1	0.08	0.08	0.08	1	0.08	0.08	0.08	1	29.96	29.96	29.96	1	\N	\N	0.86	0.86	0.86	1	1	1	1	1	1
13	2026-11-26 13:36:00+00	2.509999990463257	40.2599983215332	57.529998779296875	0	0.029999999329447746	0.029999999329447746	0.029999999329447746	11.949999809265137	\N	\N	\N	\N	\N	\N	\N	\N	0.3100000023841858	6	6	6	6	0	0	0	0	2275748375	2275748375	2275748375	2275748375	33932619975	33932619975	33932619975	33932619975	781595	781595	781595	781595	2.51	2.51	2.51	1	40.26	40.26	40.26	1	57.53	57.53	57.53	1	0	0	0	1	0.03	0.03	0.03	1	0.03	0.03	0.03	1	0.03	0.03	0.03	1	11.95	11.95	11.95	1	\N	\N	0.31	0.31	0.31	1	1	1	1	1	1
13	2026-11-26 14:36:00+00	2.1700000762939453	38.959999084472656	57.560001373291016	0	0.019999999552965164	0.019999999552965164	0.019999999552965164	23.5	\N	\N	\N	\N	\N	\N	\N	\N	0.3100000023841858	6	6	6	6	0	0	0	0	2278161777	2278161777	2278161777	2278161777	33939151395	33939151395	33939151395	33939151395	785195	785195	785195	785195	2.17	2.17	2.17	1	38.96	38.96	38.96	1	57.56	57.56	57.56	1	0	0	0	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	23.5	23.5	23.5	1	\N	\N	0.31	0.31	0.31	1	1	1	1	1	1
13	2026-11-26 15:36:00+00	4.590000152587891	41.75	57.599998474121094	0	0.05000000074505806	0.05000000074505806	0.05000000074505806	41.58000183105469	\N	\N	\N	\N	\N	\N	\N	\N	0.41999998688697815	9	9	9	9	1	1	1	1	2284331513	2284331513	2284331513	2284331513	33956551736	33956551736	33956551736	33956551736	788795	788795	788795	788795	4.59	4.59	4.59	1	41.75	41.75	41.75	1	57.6	57.6	57.6	1	0	0	0	1	0.05	0.05	0.05	1	0.05	0.05	0.05	1	0.05	0.05	0.05	1	41.58	41.58	41.58	1	\N	\N	0.42	0.42	0.42	1	1	1	1	1	1
13	2026-11-26 16:36:00+00	1.4800000190734863	42.060001373291016	57.630001068115234	0	0.009999999776482582	0.009999999776482582	0.019999999552965164	22.950000762939453	\N	\N	\N	\N	\N	\N	\N	\N	0.12999999523162842	5	5	5	5	0	0	0	0	2286065792	2286065792	2286065792	2286065792	33961354611	33961354611	33961354611	33961354611	792395	792395	792395	792395	1.48	1.48	1.48	1	42.06	42.06	42.06	1	57.63	57.63	57.63	1	0	0	0	1	0.01	0.01	0.01	1	0.01	0.01	0.01	1	0.02	0.02	0.02	1	22.95	22.95	22.95	1	\N	\N	0.13	0.13	0.13	1	1	1	1	1	1
13	2026-11-26 17:36:00+00	3.7200000286102295	40.95000076293945	57.66999816894531	0	0.03999999910593033	0.03999999910593033	0.03999999910593033	25.06999969482422	\N	\N	\N	\N	\N	\N	\N	\N	0.38999998569488525	6	6	6	6	0	0	0	0	2289203597	2289203597	2289203597	2289203597	33971033975	33971033975	33971033975	33971033975	795995	795995	795995	795995	3.72	3.72	3.72	1	40.95	40.95	40.95	1	57.67	57.67	57.67	1	0	0	0	1	0.04	0.04	0.04	1	0.04	0.04	0.04	1	0.04	0.04	0.04	1	25.07	25.07	25.07	1	\N	\N	0.39	0.39	0.39	1	1	1	1	1	1
13	2026-11-26 18:36:00+00	2.0399999618530273	40.95000076293945	57.709999084472656	0	0.019999999552965164	0.019999999552965164	0.019999999552965164	45.40999984741211	\N	\N	\N	\N	\N	\N	\N	\N	0.41999998688697815	6	6	6	6	0	0	0	0	2292375085	2292375085	2292375085	2292375085	33980355481	33980355481	33980355481	33980355481	799595	799595	799595	799595	2.04	2.04	2.04	1	40.95	40.95	40.95	1	57.71	57.71	57.71	1	0	0	0	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	45.41	45.41	45.41	1	\N	\N	0.42	0.42	0.42	1	1	1	1	1	1
13	2026-11-26 19:36:00+00	0.949999988079071	39.08000183105469	57.75	0	0.009999999776482582	0.009999999776482582	0.009999999776482582	21.899999618530273	\N	\N	\N	\N	\N	\N	\N	\N	0.4699999988079071	5	5	5	5	0	0	0	0	2294682232	2294682232	2294682232	2294682232	33986627710	33986627710	33986627710	33986627710	803195	803195	803195	803195	0.95	0.95	0.95	1	39.08	39.08	39.08	1	57.75	57.75	57.75	1	0	0	0	1	0.01	0.01	0.01	1	0.01	0.01	0.01	1	0.01	0.01	0.01	1	21.9	21.9	21.9	1	\N	\N	0.47	0.47	0.47	1	1	1	1	1	1
13	2026-11-26 20:36:00+00	1.6699999570846558	37.400001525878906	57.779998779296875	0	0.019999999552965164	0.019999999552965164	0.019999999552965164	31.829999923706055	\N	\N	\N	\N	\N	\N	\N	\N	0.3400000035762787	8	8	8	8	0	0	0	0	2296536375	2296536375	2296536375	2296536375	33990799532	33990799532	33990799532	33990799532	806795	806795	806795	806795	1.67	1.67	1.67	1	37.4	37.4	37.4	1	57.78	57.78	57.78	1	0	0	0	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	31.83	31.83	31.83	1	\N	\N	0.34	0.34	0.34	1	1	1	1	1	1
13	2026-11-26 21:36:00+00	2.0999999046325684	38.70000076293945	57.81999969482422	0	0.019999999552965164	0.019999999552965164	0.019999999552965164	21.899999618530273	\N	\N	\N	\N	\N	\N	\N	\N	0.8299999833106995	2	2	2	2	0	0	0	0	2297564867	2297564867	2297564867	2297564867	33993113640	33993113640	33993113640	33993113640	810395	810395	810395	810395	2.1	2.1	2.1	1	38.7	38.7	38.7	1	57.82	57.82	57.82	1	0	0	0	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	21.9	21.9	21.9	1	\N	\N	0.83	0.83	0.83	1	1	1	1	1	1
13	2026-11-26 22:36:00+00	1.600000023841858	34.90999984741211	57.849998474121094	0	0.019999999552965164	0.019999999552965164	0.019999999552965164	55.119998931884766	\N	\N	\N	\N	\N	\N	\N	\N	0.25	5	5	5	5	0	0	0	0	2299507642	2299507642	2299507642	2299507642	33997484882	33997484882	33997484882	33997484882	813995	813995	813995	813995	1.6	1.6	1.6	1	34.91	34.91	34.91	1	57.85	57.85	57.85	1	0	0	0	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	55.12	55.12	55.12	1	\N	\N	0.25	0.25	0.25	1	1	1	1	1	1
13	2026-11-26 23:36:00+00	2.8499999046325684	40.599998474121094	57.88999938964844	0	0.029999999329447746	0.029999999329447746	0.029999999329447746	24.25	\N	\N	\N	\N	\N	\N	\N	\N	0.1899999976158142	4	4	4	4	0	0	0	0	2300511302	2300511302	2300511302	2300511302	33999743118	33999743118	33999743118	33999743118	817595	817595	817595	817595	2.85	2.85	2.85	1	40.6	40.6	40.6	1	57.89	57.89	57.89	1	0	0	0	1	0.03	0.03	0.03	1	0.03	0.03	0.03	1	0.03	0.03	0.03	1	24.25	24.25	24.25	1	\N	\N	0.19	0.19	0.19	1	1	1	1	1	1
13	2026-11-27 00:36:00+00	2.2699999809265137	39.29999923706055	57.91999816894531	0	0.019999999552965164	0.019999999552965164	0.019999999552965164	34.4900016784668	\N	\N	\N	\N	\N	\N	\N	\N	0.1899999976158142	6	6	6	6	1	1	1	1	2302511908	2302511908	2302511908	2302511908	34004244480	34004244480	34004244480	34004244480	821195	821195	821195	821195	2.27	2.27	2.27	1	39.3	39.3	39.3	1	57.92	57.92	57.92	1	0	0	0	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	0.02	0.02	0.02	1	34.49	34.49	34.49	1	\N	\N	0.19	0.19	0.19	1	1	1	1	1	1
13	2026-11-27 01:36:00+00	1.4199999570846558	40.5099983215332	57.959999084472656	0	0.009999999776482582	0.009999999776482582	0.009999999776482582	50.15999984741211	\N	\N	\N	\N	\N	\N	\N	\N	0.25	3	3	3	3	0	0	0	0	2303901736	2303901736	2303901736	2303901736	34007371594	34007371594	34007371594	34007371594	824795	824795	824795	824795	1.42	1.42	1.42	1	40.51	40.51	40.51	1	57.96	57.96	57.96	1	0	0	0	1	0.01	0.01	0.01	1	0.01	0.01	0.01	1	0.01	0.01	0.01	1	50.16	50.16	50.16	1	\N	\N	0.25	0.25	0.25	1	1	1	1	1	1
13	2026-11-27 02:36:00+00	3.1500000953674316	40.369998931884766	57.9900016784668	0	0.029999999329447746	0.029999999329447746	0.029999999329447746	35.11000061035156	\N	\N	\N	\N	\N	\N	\N	\N	0.3199999928474426	1	1	1	1	0	0	0	0	2305741694	2305741694	2305741694	2305741694	34011511499	34011511499	34011511499	34011511499	828395	828395	828395	828395	3.15	3.15	3.15	1	40.37	40.37	40.37	1	57.99	57.99	57.99	1	0	0	0	1	0.03	0.03	0.03	1	0.03	0.03	0.03	1	0.03	0.03	0.03	1	35.11	35.11	35.11	1	\N	\N	0.32	0.32	0.32	1	1	1	1	1	1
13	2026-11-27 03:36:00+00	2.8299999237060547	40.619998931884766	58.029998779296875	0	0.029999999329447746	0.029999999329447746	0.029999999329447746	30.260000228881836	\N	\N	\N	\N	\N	\N	\N	\N	0.23999999463558197	7	7	7	7	0	0	0	0	2306661708	2306661708	2306661708	2306661708	34013581531	34013581531	34013581531	34013581531	831995	831995	831995	831995	2.83	2.83	2.83	1	40.62	40.62	40.62	1	58.03	58.03	58.03	1	0	0	0	1	0.03	0.03	0.03	1	0.03	0.03	0.03	1	0.03	0.03	0.03	1	30.26	30.26	30.26	1	\N	\N	0.24	0.24	0.24	1	1	1	1	1	1
13	2026-11-27 04:36:00+00	0.7300000190734863	39.34000015258789	58.060001373291016	0	0.009999999776482582	0.009999999776482582	0.009999999776482582	25.780000686645508	\N	\N	\N	\N	\N	\N	\N	\N	0.3400000035762787	4	4	4	4	0	0	0	0	2308264223	2308264223	2308264223	2308264223	34017187190	34017187190	34017187190	34017187190	835595	835595	835595	835595	0.73	0.73	0.73	1	39.34	39.34	39.34	1	58.06	58.06	58.06	1	0	0	0	1	0.01	0.01	0.01	1	0.01	0.01	0.01	1	0.01	0.01	0.01	1	25.78	25.78	25.78	1	\N	\N	0.34	0.34	0.34	1	1	1	1	1	1
13	2026-11-27 05:36:00+00	0.4000000059604645	40.81999969482422	58.099998474121094	0	0	0	0	27.059999465942383	\N	\N	\N	\N	\N	\N	\N	\N	0.1899999976158142	3	3	3	3	0	0	0	0	2310721216	2310721216	2310721216	2310721216	34022715424	34022715424	34022715424	34022715424	839195	839195	839195	839195	0.4	0.4	0.4	1	40.82	40.82	40.82	1	58.1	58.1	58.1	1	0	0	0	1	0	0	0	1	0	0	0	1	0	0	0	1	27.06	27.06	27.06	1	\N	\N	0.19	0.19	0.19	1	1	1	1	1	1
13	2026-11-27 06:36:00+00	1.2899999618530273	35.59000015258789	58.130001068115234	0	0.009999999776482582	0.009999999776482582	0.009999999776482582	30.450000762939453	\N	\N	\N	\N	\N	\N	\N	\N	0.4399999976158142	5	5	5	5	0	0	0	0	2311745753	2311745753	2311745753	2311745753	34025020631	34025020631	34025020631	34025020631	842795	842795	842795	842795	1.29	1.29	1.29	1	35.59	35.59	35.59	1	58.13	58.13	58.13	1	0	0	0	1	0.01	0.01	0.01	1	0.01	0.01	0.01	1	0.01	0.01	0.01	1	30.45	30.45	30.45	1	\N	\N	0.44	0.44	0.44	1	1	1	1	1	1
13	2026-11-27 07:36:00+00	0.8799999952316284	41.95000076293945	58.16999816894531	0	0.009999999776482582	0.009999999776482582	0.009999999776482582	21.389999389648438	\N	\N	\N	\N	\N	\N	\N	\N	0.4300000071525574	5	5	5	5	0	0	0	0	2313105160	2313105160	2313105160	2313105160	34028079299	34028079299	34028079299	34028079299	846395	846395	846395	846395	0.88	0.88	0.88	1	41.95	41.95	41.95	1	58.17	58.17	58.17	1	0	0	0	1	0.01	0.01	0.01	1	0.01	0.01	0.01	1	0.01	0.01	0.01	1	21.39	21.39	21.39	1	\N	\N	0.43	0.43	0.43	1	1	1	1	1	1
13	2026-11-27 08:36:00+00	1.309999942779541	38.59000015258789	58.20000076293945	0	0.009999999776482582	0.009999999776482582	0.009999999776482582	25.540000915527344	\N	\N	\N	\N	\N	\N	\N	\N	0.30000001192092896	3	3	3	3	0	0	0	0	2316477337	2316477337	2316477337	2316477337	34037449703	34037449703	34037449703	34037449703	849995	849995	849995	849995	1.31	1.31	1.31	1	38.59	38.59	38.59	1	58.2	58.2	58.2	1	0	0	0	1	0.01	0.01	0.01	1	0.01	0.01	0.01	1	0.01	0.01	0.01	1	25.54	25.54	25.54	1	\N	\N	0.3	0.3	0.3	1	1	1	1	1	1
13	2026-11-27 09:36:00+00	3.059999942779541	37.939998626708984	58.2400016784668	0	0.029999999329447746	0.029999999329447746	0.029999999329447746	32.459999084472656	\N	\N	\N	\N	\N	\N	\N	\N	0.7400000095367432	7	7	7	7	0	0	0	0	2317782688	2317782688	2317782688	2317782688	34041171614	34041171614	34041171614	34041171614	853595	853595	853595	853595	3.06	3.06	3.06	1	37.94	37.94	37.94	1	58.24	58.24	58.24	1	0	0	0	1	0.03	0.03	0.03	1	0.03	0.03	0.03	1	0.03	0.03	0.03	1	32.46	32.46	32.46	1	\N	\N	0.74	0.74	0.74	1	1	1	1	1	1
13	2026-11-27 10:36:00+00	2.559999942779541	40.4900016784668	58.27000045776367	0	0.029999999329447746	0.029999999329447746	0.029999999329447746	31.15999984741211	\N	\N	\N	\N	\N	\N	\N	\N	0.18000000715255737	7	7	7	7	0	0	0	0	2319238169	2319238169	2319238169	2319238169	34045233699	34045233699	34045233699	34045233699	857195	857195	857195	857195	2.56	2.56	2.56	1	40.49	40.49	40.49	1	58.27	58.27	58.27	1	0	0	0	1	0.03	0.03	0.03	1	0.03	0.03	0.03	1	0.03	0.03	0.03	1	31.16	31.16	31.16	1	\N	\N	0.18	0.18	0.18	1	1	1	1	1	1
13	2026-11-27 11:36:00+00	5.230000019073486	43.779998779296875	58.310001373291016	0	0.05000000074505806	0.05000000074505806	0.05000000074505806	32.93000030517578	\N	\N	\N	\N	\N	\N	\N	\N	0.25999999046325684	4	4	4	4	0	0	0	0	2324576834	2324576834	2324576834	2324576834	34062172087	34062172087	34062172087	34062172087	860795	860795	860795	860795	5.23	5.23	5.23	1	43.78	43.78	43.78	1	58.31	58.31	58.31	1	0	0	0	1	0.05	0.05	0.05	1	0.05	0.05	0.05	1	0.05	0.05	0.05	1	32.93	32.93	32.93	1	\N	\N	0.26	0.26	0.26	1	1	1	1	1	1
13	2026-11-27 12:36:00+00	3.2899999618530273	41.66999816894531	58.349998474121094	0	0.029999999329447746	0.029999999329447746	0.029999999329447746	40.52000045776367	\N	\N	\N	\N	\N	\N	\N	\N	0.3700000047683716	4	4	4	4	0	0	0	0	2327502749	2327502749	2327502749	2327502749	34071749348	34071749348	34071749348	34071749348	864395	864395	864395	864395	3.29	3.29	3.29	1	41.67	41.67	41.67	1	58.35	58.35	58.35	1	0	0	0	1	0.03	0.03	0.03	1	0.03	0.03	0.03	1	0.03	0.03	0.03	1	40.52	40.52	40.52	1	\N	\N	0.37	0.37	0.37	1	1	1	1	1	1
13	2026-11-27 13:36:00+00	2.6600000858306885	39.58000183105469	58.38999938964844	0	0.029999999329447746	0.029999999329447746	0.029999999329447746	20.34000015258789	\N	\N	\N	\N	\N	\N	\N	\N	0.5600000023841858	6	6	6	6	0	0	0	0	2329901955	2329901955	2329901955	2329901955	34078725302	34078725302	34078725302	34078725302	867995	867995	867995	867995	2.66	2.66	2.66	1	39.58	39.58	39.58	1	58.39	58.39	58.39	1	0	0	0	1	0.03	0.03	0.03	1	0.03	0.03	0.03	1	0.03	0.03	0.03	1	20.34	20.34	20.34	1	\N	\N	0.56	0.56	0.56	1	1	1	1	1	1
14	2026-11-25 13:36:00+00	5.440000057220459	42.380001068115234	45.7400016784668	0	0.05999999865889549	0.05999999865889549	0.05999999865889549	28.65999984741211	0	0	0	0	0	0	0	0	0.25	9	9	9	9	0	0	0	0	2331830606	2331830606	2331830606	2331830606	2638630305	2638630305	2638630305	2638630305	450527	450527	450527	450527	5.44	5.44	5.44	1	42.38	42.38	42.38	1	45.74	45.74	45.74	1	0	0	0	1	0.06	0.06	0.06	1	0.06	0.06	0.06	1	0.06	0.06	0.06	1	28.66	28.66	28.66	1	1	1	0.25	0.25	0.25	1	1	1	1	1	1
14	2026-11-25 14:36:00+00	11.100000381469727	44.97999954223633	45.779998779296875	0	0.2199999988079071	0.2199999988079071	0.2199999988079071	19.850000381469727	8	8	8	8	214.92	214.92	214.92	214.92	0.20000000298023224	8	8	8	8	0	0	0	0	2336630640	2336630640	2336630640	2336630640	2655665584	2655665584	2655665584	2655665584	454127	454127	454127	454127	11.1	11.1	11.1	1	44.98	44.98	44.98	1	45.78	45.78	45.78	1	0	0	0	1	0.22	0.22	0.22	1	0.22	0.22	0.22	1	0.22	0.22	0.22	1	19.85	19.85	19.85	1	1	1	0.2	0.2	0.2	1	1	1	1	1	1
14	2026-11-25 15:36:00+00	11.600000381469727	41.290000915527344	45.81999969482422	0	0.23000000417232513	0.23000000417232513	0.23000000417232513	21.610000610351562	8	8	8	8	136.94	136.94	136.94	136.94	0.4300000071525574	8	8	8	8	0	0	0	0	2342814812	2342814812	2342814812	2342814812	2677209007	2677209007	2677209007	2677209007	457727	457727	457727	457727	11.6	11.6	11.6	1	41.29	41.29	41.29	1	45.82	45.82	45.82	1	0	0	0	1	0.23	0.23	0.23	1	0.23	0.23	0.23	1	0.23	0.23	0.23	1	21.61	21.61	21.61	1	1	1	0.43	0.43	0.43	1	1	1	1	1	1
14	2026-11-25 16:36:00+00	14.489999771118164	42.58000183105469	45.869998931884766	0	0.28999999165534973	0.28999999165534973	0.28999999165534973	17.549999237060547	12	12	12	12	295.64	295.64	295.64	295.64	0.3700000047683716	9	9	9	9	0	0	0	0	2347052100	2347052100	2347052100	2347052100	2692546661	2692546661	2692546661	2692546661	461327	461327	461327	461327	14.49	14.49	14.49	1	42.58	42.58	42.58	1	45.87	45.87	45.87	1	0	0	0	1	0.29	0.29	0.29	1	0.29	0.29	0.29	1	0.29	0.29	0.29	1	17.55	17.55	17.55	1	1	1	0.37	0.37	0.37	1	1	1	1	1	1
14	2026-11-25 17:36:00+00	18.8799991607666	47.16999816894531	45.93000030517578	0	0.3799999952316284	0.3799999952316284	0.3799999952316284	19.020000457763672	15	15	15	15	328.92	328.92	328.92	328.92	0.2199999988079071	10	10	10	10	0	0	0	0	2376652086	2376652086	2376652086	2376652086	2804200443	2804200443	2804200443	2804200443	464927	464927	464927	464927	18.88	18.88	18.88	1	47.17	47.17	47.17	1	45.93	45.93	45.93	1	0	0	0	1	0.38	0.38	0.38	1	0.38	0.38	0.38	1	0.38	0.38	0.38	1	19.02	19.02	19.02	1	1	1	0.22	0.22	0.22	1	1	1	1	1	1
14	2026-11-25 18:36:00+00	16.690000534057617	41.380001068115234	45.970001220703125	0	0.33000001311302185	0.33000001311302185	0.33000001311302185	28.850000381469727	8	8	8	8	166.41	166.41	166.41	166.41	0.27000001072883606	9	9	9	9	1	1	1	1	2386873421	2386873421	2386873421	2386873421	2840662724	2840662724	2840662724	2840662724	468527	468527	468527	468527	16.69	16.69	16.69	1	41.38	41.38	41.38	1	45.97	45.97	45.97	1	0	0	0	1	0.33	0.33	0.33	1	0.33	0.33	0.33	1	0.33	0.33	0.33	1	28.85	28.85	28.85	1	1	1	0.27	0.27	0.27	1	1	1	1	1	1
14	2026-11-25 19:36:00+00	11.550000190734863	41.79999923706055	46.0099983215332	0	0.23000000417232513	0.23000000417232513	0.23000000417232513	17.110000610351562	6	6	6	6	88.98	88.98	88.98	88.98	0.36000001430511475	7	7	7	7	0	0	0	0	2394999277	2394999277	2394999277	2394999277	2868903415	2868903415	2868903415	2868903415	472127	472127	472127	472127	11.55	11.55	11.55	1	41.8	41.8	41.8	1	46.01	46.01	46.01	1	0	0	0	1	0.23	0.23	0.23	1	0.23	0.23	0.23	1	0.23	0.23	0.23	1	17.11	17.11	17.11	1	1	1	0.36	0.36	0.36	1	1	1	1	1	1
14	2026-11-25 20:36:00+00	6.639999866485596	38.93000030517578	46.04999923706055	0	0.12999999523162842	0.12999999523162842	0.12999999523162842	14.279999732971191	0	0	0	0	0	0	0	0	0.38999998569488525	5	5	5	5	0	0	0	0	2396180489	2396180489	2396180489	2396180489	2871561141	2871561141	2871561141	2871561141	475727	475727	475727	475727	6.64	6.64	6.64	1	38.93	38.93	38.93	1	46.05	46.05	46.05	1	0	0	0	1	0.13	0.13	0.13	1	0.13	0.13	0.13	1	0.13	0.13	0.13	1	14.28	14.28	14.28	1	1	1	0.39	0.39	0.39	1	1	1	1	1	1
14	2026-11-25 21:36:00+00	4.5	36.68000030517578	46.08000183105469	0	0.09000000357627869	0.09000000357627869	0.09000000357627869	28.010000228881836	0	0	0	0	0	0	0	0	0.23999999463558197	2	2	2	2	2	2	2	2	2398131145	2398131145	2398131145	2398131145	2875950117	2875950117	2875950117	2875950117	479327	479327	479327	479327	4.5	4.5	4.5	1	36.68	36.68	36.68	1	46.08	46.08	46.08	1	0	0	0	1	0.09	0.09	0.09	1	0.09	0.09	0.09	1	0.09	0.09	0.09	1	28.01	28.01	28.01	1	1	1	0.24	0.24	0.24	1	1	1	1	1	1
14	2026-11-25 22:36:00+00	7.900000095367432	37.2599983215332	46.119998931884766	0	0.1599999964237213	0.1599999964237213	0.1599999964237213	11.199999809265137	0	0	0	0	0	0	0	0	0.3799999952316284	2	2	2	2	1	1	1	1	2399085924	2399085924	2399085924	2399085924	2878098369	2878098369	2878098369	2878098369	482927	482927	482927	482927	7.9	7.9	7.9	1	37.26	37.26	37.26	1	46.12	46.12	46.12	1	0	0	0	1	0.16	0.16	0.16	1	0.16	0.16	0.16	1	0.16	0.16	0.16	1	11.2	11.2	11.2	1	1	1	0.38	0.38	0.38	1	1	1	1	1	1
14	2026-11-25 23:36:00+00	6.159999847412109	37.2599983215332	46.150001525878906	0	0.11999999731779099	0.11999999731779099	0.11999999731779099	16.139999389648438	0	0	0	0	0	0	0	0	0.05999999865889549	2	2	2	2	1	1	1	1	2400717704	2400717704	2400717704	2400717704	2881769875	2881769875	2881769875	2881769875	486527	486527	486527	486527	6.16	6.16	6.16	1	37.26	37.26	37.26	1	46.15	46.15	46.15	1	0	0	0	1	0.12	0.12	0.12	1	0.12	0.12	0.12	1	0.12	0.12	0.12	1	16.14	16.14	16.14	1	1	1	0.06	0.06	0.06	1	1	1	1	1	1
14	2026-11-26 00:36:00+00	7.510000228881836	38.11000061035156	46.189998626708984	0	0.15000000596046448	0.15000000596046448	0.15000000596046448	20.329999923706055	0	0	0	0	0	0	0	0	0.25	3	3	3	3	1	1	1	1	2401856806	2401856806	2401856806	2401856806	2884332855	2884332855	2884332855	2884332855	490127	490127	490127	490127	7.51	7.51	7.51	1	38.11	38.11	38.11	1	46.19	46.19	46.19	1	0	0	0	1	0.15	0.15	0.15	1	0.15	0.15	0.15	1	0.15	0.15	0.15	1	20.33	20.33	20.33	1	1	1	0.25	0.25	0.25	1	1	1	1	1	1
14	2026-11-26 01:36:00+00	6.260000228881836	35.61000061035156	46.220001220703125	0	0.12999999523162842	0.12999999523162842	0.12999999523162842	29.899999618530273	0	0	0	0	0	0	0	0	0.2199999988079071	2	2	2	2	1	1	1	1	2403455099	2403455099	2403455099	2403455099	2887929014	2887929014	2887929014	2887929014	493727	493727	493727	493727	6.26	6.26	6.26	1	35.61	35.61	35.61	1	46.22	46.22	46.22	1	0	0	0	1	0.13	0.13	0.13	1	0.13	0.13	0.13	1	0.13	0.13	0.13	1	29.9	29.9	29.9	1	1	1	0.22	0.22	0.22	1	1	1	1	1	1
14	2026-11-26 02:36:00+00	4.460000038146973	34.84000015258789	46.2599983215332	0	0.09000000357627869	0.09000000357627869	0.09000000357627869	19	0	0	0	0	0	0	0	0	0.4099999964237213	3	3	3	3	0	0	0	0	2404098781	2404098781	2404098781	2404098781	2889377298	2889377298	2889377298	2889377298	497327	497327	497327	497327	4.46	4.46	4.46	1	34.84	34.84	34.84	1	46.26	46.26	46.26	1	0	0	0	1	0.09	0.09	0.09	1	0.09	0.09	0.09	1	0.09	0.09	0.09	1	19	19	19	1	1	1	0.41	0.41	0.41	1	1	1	1	1	1
14	2026-11-26 03:36:00+00	5.210000038146973	40.93000030517578	46.290000915527344	0	0.10000000149011612	0.10000000149011612	0.10000000149011612	18.3700008392334	0	0	0	0	0	0	0	0	0.07999999821186066	4	4	4	4	0	0	0	0	2405309658	2405309658	2405309658	2405309658	2892101771	2892101771	2892101771	2892101771	500927	500927	500927	500927	5.21	5.21	5.21	1	40.93	40.93	40.93	1	46.29	46.29	46.29	1	0	0	0	1	0.1	0.1	0.1	1	0.1	0.1	0.1	1	0.1	0.1	0.1	1	18.37	18.37	18.37	1	1	1	0.08	0.08	0.08	1	1	1	1	1	1
14	2026-11-26 04:36:00+00	8.100000381469727	36.45000076293945	46.33000183105469	0	0.1599999964237213	0.1599999964237213	0.1599999964237213	14.0600004196167	0	0	0	0	0	0	0	0	0.4000000059604645	8	8	8	8	0	0	0	0	2406153422	2406153422	2406153422	2406153422	2894000241	2894000241	2894000241	2894000241	504527	504527	504527	504527	8.1	8.1	8.1	1	36.45	36.45	36.45	1	46.33	46.33	46.33	1	0	0	0	1	0.16	0.16	0.16	1	0.16	0.16	0.16	1	0.16	0.16	0.16	1	14.06	14.06	14.06	1	1	1	0.4	0.4	0.4	1	1	1	1	1	1
14	2026-11-26 05:36:00+00	6.610000133514404	32.52000045776367	46.36000061035156	0	0.12999999523162842	0.12999999523162842	0.12999999523162842	12.670000076293945	0	0	0	0	0	0	0	0	0.2800000011920929	3	3	3	3	0	0	0	0	2407553027	2407553027	2407553027	2407553027	2897149351	2897149351	2897149351	2897149351	508127	508127	508127	508127	6.61	6.61	6.61	1	32.52	32.52	32.52	1	46.36	46.36	46.36	1	0	0	0	1	0.13	0.13	0.13	1	0.13	0.13	0.13	1	0.13	0.13	0.13	1	12.67	12.67	12.67	1	1	1	0.28	0.28	0.28	1	1	1	1	1	1
14	2026-11-26 06:36:00+00	6.630000114440918	36.52000045776367	46.400001525878906	0	0.12999999523162842	0.12999999523162842	0.12999999523162842	14.020000457763672	0	0	0	0	0	0	0	0	0.15000000596046448	6	6	6	6	0	0	0	0	2408668388	2408668388	2408668388	2408668388	2899658913	2899658913	2899658913	2899658913	511727	511727	511727	511727	6.63	6.63	6.63	1	36.52	36.52	36.52	1	46.4	46.4	46.4	1	0	0	0	1	0.13	0.13	0.13	1	0.13	0.13	0.13	1	0.13	0.13	0.13	1	14.02	14.02	14.02	1	1	1	0.15	0.15	0.15	1	1	1	1	1	1
14	2026-11-26 07:36:00+00	6.300000190734863	36.040000915527344	46.43000030517578	0	0.12999999523162842	0.12999999523162842	0.12999999523162842	22.670000076293945	0	0	0	0	0	0	0	0	0.36000001430511475	7	7	7	7	0	0	0	0	2410352133	2410352133	2410352133	2410352133	2903447340	2903447340	2903447340	2903447340	515327	515327	515327	515327	6.3	6.3	6.3	1	36.04	36.04	36.04	1	46.43	46.43	46.43	1	0	0	0	1	0.13	0.13	0.13	1	0.13	0.13	0.13	1	0.13	0.13	0.13	1	22.67	22.67	22.67	1	1	1	0.36	0.36	0.36	1	1	1	1	1	1
14	2026-11-26 08:36:00+00	12.90999984741211	42.70000076293945	46.470001220703125	0	0.25999999046325684	0.25999999046325684	0.25999999046325684	14.819999694824219	8	8	8	8	185.81	185.81	185.81	185.81	0.4399999976158142	9	9	9	9	1	1	1	1	2413379431	2413379431	2413379431	2413379431	2913955553	2913955553	2913955553	2913955553	518927	518927	518927	518927	12.91	12.91	12.91	1	42.7	42.7	42.7	1	46.47	46.47	46.47	1	0	0	0	1	0.26	0.26	0.26	1	0.26	0.26	0.26	1	0.26	0.26	0.26	1	14.82	14.82	14.82	1	1	1	0.44	0.44	0.44	1	1	1	1	1	1
14	2026-11-26 09:36:00+00	7.289999961853027	42.0099983215332	46.5099983215332	0	0.15000000596046448	0.15000000596046448	0.15000000596046448	12.600000381469727	6	6	6	6	130.16	130.16	130.16	130.16	0.6000000238418579	10	10	10	10	0	0	0	0	2416303431	2416303431	2416303431	2416303431	2923590379	2923590379	2923590379	2923590379	522527	522527	522527	522527	7.29	7.29	7.29	1	42.01	42.01	42.01	1	46.51	46.51	46.51	1	0	0	0	1	0.15	0.15	0.15	1	0.15	0.15	0.15	1	0.15	0.15	0.15	1	12.6	12.6	12.6	1	1	1	0.6	0.6	0.6	1	1	1	1	1	1
14	2026-11-26 10:36:00+00	16.440000534057617	42.86000061035156	46.560001373291016	0	0.33000001311302185	0.33000001311302185	0.33000001311302185	21.739999771118164	14	14	14	14	341.79	341.79	341.79	341.79	0.20999999344348907	10	10	10	10	1	1	1	1	2421007443	2421007443	2421007443	2421007443	2940540484	2940540484	2940540484	2940540484	526127	526127	526127	526127	16.44	16.44	16.44	1	42.86	42.86	42.86	1	46.56	46.56	46.56	1	0	0	0	1	0.33	0.33	0.33	1	0.33	0.33	0.33	1	0.33	0.33	0.33	1	21.74	21.74	21.74	1	1	1	0.21	0.21	0.21	1	1	1	1	1	1
14	2026-11-26 11:36:00+00	18.469999313354492	44.7599983215332	46.61000061035156	0	0.3700000047683716	0.3700000047683716	0.3700000047683716	16.360000610351562	18	18	18	18	456.79	456.79	456.79	456.79	0.25999999046325684	9	9	9	9	0	0	0	0	2426125619	2426125619	2426125619	2426125619	2959252118	2959252118	2959252118	2959252118	529727	529727	529727	529727	18.47	18.47	18.47	1	44.76	44.76	44.76	1	46.61	46.61	46.61	1	0	0	0	1	0.37	0.37	0.37	1	0.37	0.37	0.37	1	0.37	0.37	0.37	1	16.36	16.36	16.36	1	1	1	0.26	0.26	0.26	1	1	1	1	1	1
14	2026-11-26 12:36:00+00	21.81999969482422	45.86000061035156	46.65999984741211	0	0.4399999976158142	0.4399999976158142	0.4399999976158142	26.90999984741211	12	12	12	12	257.47	257.47	257.47	257.47	0.5799999833106995	13	13	13	13	0	0	0	0	2428955075	2428955075	2428955075	2428955075	2969801535	2969801535	2969801535	2969801535	533327	533327	533327	533327	21.82	21.82	21.82	1	45.86	45.86	45.86	1	46.66	46.66	46.66	1	0	0	0	1	0.44	0.44	0.44	1	0.44	0.44	0.44	1	0.44	0.44	0.44	1	26.91	26.91	26.91	1	1	1	0.58	0.58	0.58	1	1	1	1	1	1
14	2026-11-26 13:36:00+00	18.690000534057617	43.720001220703125	46.709999084472656	0	0.3700000047683716	0.3700000047683716	0.3700000047683716	22.6299991607666	26	26	26	26	526.91	526.91	526.91	526.91	0.30000001192092896	8	8	8	8	1	1	1	1	2436018776	2436018776	2436018776	2436018776	2996055721	2996055721	2996055721	2996055721	536927	536927	536927	536927	18.69	18.69	18.69	1	43.72	43.72	43.72	1	46.71	46.71	46.71	1	0	0	0	1	0.37	0.37	0.37	1	0.37	0.37	0.37	1	0.37	0.37	0.37	1	22.63	22.63	22.63	1	1	1	0.3	0.3	0.3	1	1	1	1	1	1
14	2026-11-26 14:36:00+00	13.979999542236328	39.959999084472656	46.75	0	0.2800000011920929	0.2800000011920929	0.2800000011920929	25.06999969482422	5	5	5	5	90.8	90.8	90.8	90.8	0.3100000023841858	1	1	1	1	0	0	0	0	2439853277	2439853277	2439853277	2439853277	3009346171	3009346171	3009346171	3009346171	540527	540527	540527	540527	13.98	13.98	13.98	1	39.96	39.96	39.96	1	46.75	46.75	46.75	1	0	0	0	1	0.28	0.28	0.28	1	0.28	0.28	0.28	1	0.28	0.28	0.28	1	25.07	25.07	25.07	1	1	1	0.31	0.31	0.31	1	1	1	1	1	1
14	2026-11-26 15:36:00+00	9.600000381469727	40.65999984741211	46.790000915527344	0	0.1899999976158142	0.1899999976158142	0.1899999976158142	12.289999961853027	7	7	7	7	195.79	195.79	195.79	195.79	0.33000001311302185	5	5	5	5	0	0	0	0	2443556015	2443556015	2443556015	2443556015	3022144589	3022144589	3022144589	3022144589	544127	544127	544127	544127	9.6	9.6	9.6	1	40.66	40.66	40.66	1	46.79	46.79	46.79	1	0	0	0	1	0.19	0.19	0.19	1	0.19	0.19	0.19	1	0.19	0.19	0.19	1	12.29	12.29	12.29	1	1	1	0.33	0.33	0.33	1	1	1	1	1	1
14	2026-11-26 16:36:00+00	15.40999984741211	46.65999984741211	46.84000015258789	0	0.3100000023841858	0.3100000023841858	0.3100000023841858	12.40999984741211	13	13	13	13	331.98	331.98	331.98	331.98	0.25	5	5	5	5	0	0	0	0	2450787964	2450787964	2450787964	2450787964	3048814824	3048814824	3048814824	3048814824	547727	547727	547727	547727	15.41	15.41	15.41	1	46.66	46.66	46.66	1	46.84	46.84	46.84	1	0	0	0	1	0.31	0.31	0.31	1	0.31	0.31	0.31	1	0.31	0.31	0.31	1	12.41	12.41	12.41	1	1	1	0.25	0.25	0.25	1	1	1	1	1	1
14	2026-11-26 17:36:00+00	20.25	47.70000076293945	46.900001525878906	0	0.4000000059604645	0.4000000059604645	0.4000000059604645	21.649999618530273	18	18	18	18	433.7	433.7	433.7	433.7	0.23000000417232513	12	12	12	12	0	0	0	0	2457834266	2457834266	2457834266	2457834266	3075486075	3075486075	3075486075	3075486075	551327	551327	551327	551327	20.25	20.25	20.25	1	47.7	47.7	47.7	1	46.9	46.9	46.9	1	0	0	0	1	0.4	0.4	0.4	1	0.4	0.4	0.4	1	0.4	0.4	0.4	1	21.65	21.65	21.65	1	1	1	0.23	0.23	0.23	1	1	1	1	1	1
14	2026-11-26 18:36:00+00	19.530000686645508	45.81999969482422	46.95000076293945	0	0.38999998569488525	0.38999998569488525	0.38999998569488525	22.049999237060547	21	21	21	21	462.39	462.39	462.39	462.39	0.3700000047683716	8	8	8	8	0	0	0	0	2463297490	2463297490	2463297490	2463297490	3095731988	3095731988	3095731988	3095731988	554927	554927	554927	554927	19.53	19.53	19.53	1	45.82	45.82	45.82	1	46.95	46.95	46.95	1	0	0	0	1	0.39	0.39	0.39	1	0.39	0.39	0.39	1	0.39	0.39	0.39	1	22.05	22.05	22.05	1	1	1	0.37	0.37	0.37	1	1	1	1	1	1
14	2026-11-26 19:36:00+00	15.75	43.060001373291016	47	0	0.3100000023841858	0.3100000023841858	0.3199999928474426	22.3799991607666	13	13	13	13	232.1	232.1	232.1	232.1	0.07999999821186066	10	10	10	10	1	1	1	1	2468390039	2468390039	2468390039	2468390039	3114023731	3114023731	3114023731	3114023731	558527	558527	558527	558527	15.75	15.75	15.75	1	43.06	43.06	43.06	1	47	47	47	1	0	0	0	1	0.31	0.31	0.31	1	0.31	0.31	0.31	1	0.32	0.32	0.32	1	22.38	22.38	22.38	1	1	1	0.08	0.08	0.08	1	1	1	1	1	1
14	2026-11-26 20:36:00+00	4.840000152587891	38.220001220703125	47.029998779296875	0	0.10000000149011612	0.10000000149011612	0.10000000149011612	12.59000015258789	0	0	0	0	0	0	0	0	0.3400000035762787	3	3	3	3	0	0	0	0	2469807284	2469807284	2469807284	2469807284	3117212533	3117212533	3117212533	3117212533	562127	562127	562127	562127	4.84	4.84	4.84	1	38.22	38.22	38.22	1	47.03	47.03	47.03	1	0	0	0	1	0.1	0.1	0.1	1	0.1	0.1	0.1	1	0.1	0.1	0.1	1	12.59	12.59	12.59	1	1	1	0.34	0.34	0.34	1	1	1	1	1	1
14	2026-11-26 21:36:00+00	6.380000114440918	37.08000183105469	47.06999969482422	0	0.12999999523162842	0.12999999523162842	0.12999999523162842	19.229999542236328	0	0	0	0	0	0	0	0	0.6000000238418579	3	3	3	3	0	0	0	0	2471572420	2471572420	2471572420	2471572420	3121184088	3121184088	3121184088	3121184088	565727	565727	565727	565727	6.38	6.38	6.38	1	37.08	37.08	37.08	1	47.07	47.07	47.07	1	0	0	0	1	0.13	0.13	0.13	1	0.13	0.13	0.13	1	0.13	0.13	0.13	1	19.23	19.23	19.23	1	1	1	0.6	0.6	0.6	1	1	1	1	1	1
14	2026-11-26 22:36:00+00	6.900000095367432	41.439998626708984	47.099998474121094	0	0.14000000059604645	0.14000000059604645	0.14000000059604645	15.539999961853027	0	0	0	0	0	0	0	0	0.2800000011920929	9	9	9	9	0	0	0	0	2472124866	2472124866	2472124866	2472124866	3122427093	3122427093	3122427093	3122427093	569327	569327	569327	569327	6.9	6.9	6.9	1	41.44	41.44	41.44	1	47.1	47.1	47.1	1	0	0	0	1	0.14	0.14	0.14	1	0.14	0.14	0.14	1	0.14	0.14	0.14	1	15.54	15.54	15.54	1	1	1	0.28	0.28	0.28	1	1	1	1	1	1
14	2026-11-26 23:36:00+00	6.900000095367432	36.709999084472656	47.13999938964844	0	0.14000000059604645	0.14000000059604645	0.14000000059604645	21.469999313354492	0	0	0	0	0	0	0	0	0.46000000834465027	7	7	7	7	0	0	0	0	2473826991	2473826991	2473826991	2473826991	3126256873	3126256873	3126256873	3126256873	572927	572927	572927	572927	6.9	6.9	6.9	1	36.71	36.71	36.71	1	47.14	47.14	47.14	1	0	0	0	1	0.14	0.14	0.14	1	0.14	0.14	0.14	1	0.14	0.14	0.14	1	21.47	21.47	21.47	1	1	1	0.46	0.46	0.46	1	1	1	1	1	1
14	2026-11-27 00:36:00+00	7.579999923706055	40.060001373291016	47.16999816894531	0	0.15000000596046448	0.15000000596046448	0.15000000596046448	15.729999542236328	0	0	0	0	0	0	0	0	0.36000001430511475	1	1	1	1	0	0	0	0	2475567095	2475567095	2475567095	2475567095	3130172107	3130172107	3130172107	3130172107	576527	576527	576527	576527	7.58	7.58	7.58	1	40.06	40.06	40.06	1	47.17	47.17	47.17	1	0	0	0	1	0.15	0.15	0.15	1	0.15	0.15	0.15	1	0.15	0.15	0.15	1	15.73	15.73	15.73	1	1	1	0.36	0.36	0.36	1	1	1	1	1	1
14	2026-11-27 01:36:00+00	6.650000095367432	36.20000076293945	47.209999084472656	0	0.12999999523162842	0.12999999523162842	0.12999999523162842	19.299999237060547	0	0	0	0	0	0	0	0	0.33000001311302185	5	5	5	5	1	1	1	1	2477433337	2477433337	2477433337	2477433337	3134371151	3134371151	3134371151	3134371151	580127	580127	580127	580127	6.65	6.65	6.65	1	36.2	36.2	36.2	1	47.21	47.21	47.21	1	0	0	0	1	0.13	0.13	0.13	1	0.13	0.13	0.13	1	0.13	0.13	0.13	1	19.3	19.3	19.3	1	1	1	0.33	0.33	0.33	1	1	1	1	1	1
14	2026-11-27 02:36:00+00	8.420000076293945	39.84000015258789	47.2400016784668	0	0.17000000178813934	0.17000000178813934	0.17000000178813934	18.799999237060547	0	0	0	0	0	0	0	0	0.3199999928474426	5	5	5	5	0	0	0	0	2480495609	2480495609	2480495609	2480495609	3141261264	3141261264	3141261264	3141261264	583727	583727	583727	583727	8.42	8.42	8.42	1	39.84	39.84	39.84	1	47.24	47.24	47.24	1	0	0	0	1	0.17	0.17	0.17	1	0.17	0.17	0.17	1	0.17	0.17	0.17	1	18.8	18.8	18.8	1	1	1	0.32	0.32	0.32	1	1	1	1	1	1
14	2026-11-27 03:36:00+00	7.21999979019165	37.619998931884766	47.279998779296875	0	0.14000000059604645	0.14000000059604645	0.14000000059604645	14.069999694824219	0	0	0	0	0	0	0	0	0.4300000071525574	9	9	9	9	1	1	1	1	2481959794	2481959794	2481959794	2481959794	3144555681	3144555681	3144555681	3144555681	587327	587327	587327	587327	7.22	7.22	7.22	1	37.62	37.62	37.62	1	47.28	47.28	47.28	1	0	0	0	1	0.14	0.14	0.14	1	0.14	0.14	0.14	1	0.14	0.14	0.14	1	14.07	14.07	14.07	1	1	1	0.43	0.43	0.43	1	1	1	1	1	1
14	2026-11-27 04:36:00+00	5.599999904632568	41.400001525878906	47.310001373291016	0	0.10999999940395355	0.10999999940395355	0.10999999940395355	15.329999923706055	0	0	0	0	0	0	0	0	0.25999999046325684	3	3	3	3	0	0	0	0	2483586821	2483586821	2483586821	2483586821	3148216490	3148216490	3148216490	3148216490	590927	590927	590927	590927	5.6	5.6	5.6	1	41.4	41.4	41.4	1	47.31	47.31	47.31	1	0	0	0	1	0.11	0.11	0.11	1	0.11	0.11	0.11	1	0.11	0.11	0.11	1	15.33	15.33	15.33	1	1	1	0.26	0.26	0.26	1	1	1	1	1	1
14	2026-11-27 05:36:00+00	2.9600000381469727	36.900001525878906	47.349998474121094	0	0.05999999865889549	0.05999999865889549	0.05999999865889549	13.539999961853027	0	0	0	0	0	0	0	0	0.5199999809265137	5	5	5	5	0	0	0	0	2485426943	2485426943	2485426943	2485426943	3152356765	3152356765	3152356765	3152356765	594527	594527	594527	594527	2.96	2.96	2.96	1	36.9	36.9	36.9	1	47.35	47.35	47.35	1	0	0	0	1	0.06	0.06	0.06	1	0.06	0.06	0.06	1	0.06	0.06	0.06	1	13.54	13.54	13.54	1	1	1	0.52	0.52	0.52	1	1	1	1	1	1
14	2026-11-27 06:36:00+00	7.360000133514404	38.65999984741211	47.380001068115234	0	0.15000000596046448	0.15000000596046448	0.15000000596046448	14.729999542236328	0	0	0	0	0	0	0	0	0.30000001192092896	3	3	3	3	0	0	0	0	2486557838	2486557838	2486557838	2486557838	3154901280	3154901280	3154901280	3154901280	598127	598127	598127	598127	7.36	7.36	7.36	1	38.66	38.66	38.66	1	47.38	47.38	47.38	1	0	0	0	1	0.15	0.15	0.15	1	0.15	0.15	0.15	1	0.15	0.15	0.15	1	14.73	14.73	14.73	1	1	1	0.3	0.3	0.3	1	1	1	1	1	1
14	2026-11-27 07:36:00+00	6.119999885559082	38.41999816894531	47.41999816894531	0	0.11999999731779099	0.11999999731779099	0.11999999731779099	14.039999961853027	0	0	0	0	0	0	0	0	0.1599999964237213	9	9	9	9	0	0	0	0	2489586050	2489586050	2489586050	2489586050	3161714756	3161714756	3161714756	3161714756	601727	601727	601727	601727	6.12	6.12	6.12	1	38.42	38.42	38.42	1	47.42	47.42	47.42	1	0	0	0	1	0.12	0.12	0.12	1	0.12	0.12	0.12	1	0.12	0.12	0.12	1	14.04	14.04	14.04	1	1	1	0.16	0.16	0.16	1	1	1	1	1	1
14	2026-11-27 08:36:00+00	11.260000228881836	40.130001068115234	47.459999084472656	0	0.23000000417232513	0.23000000417232513	0.2199999988079071	23.739999771118164	7	7	7	7	173.09	173.09	173.09	173.09	0.4000000059604645	4	4	4	4	1	1	1	1	2494788905	2494788905	2494788905	2494788905	3180012302	3180012302	3180012302	3180012302	605327	605327	605327	605327	11.26	11.26	11.26	1	40.13	40.13	40.13	1	47.46	47.46	47.46	1	0	0	0	1	0.23	0.23	0.23	1	0.23	0.23	0.23	1	0.22	0.22	0.22	1	23.74	23.74	23.74	1	1	1	0.4	0.4	0.4	1	1	1	1	1	1
14	2026-11-27 09:36:00+00	11.079999923706055	42.5	47.5	0	0.2199999988079071	0.2199999988079071	0.2199999988079071	18.530000686645508	7	7	7	7	176.33	176.33	176.33	176.33	0.5099999904632568	4	4	4	4	0	0	0	0	2497873862	2497873862	2497873862	2497873862	3190631547	3190631547	3190631547	3190631547	608927	608927	608927	608927	11.08	11.08	11.08	1	42.5	42.5	42.5	1	47.5	47.5	47.5	1	0	0	0	1	0.22	0.22	0.22	1	0.22	0.22	0.22	1	0.22	0.22	0.22	1	18.53	18.53	18.53	1	1	1	0.51	0.51	0.51	1	1	1	1	1	1
14	2026-11-27 10:36:00+00	15.020000457763672	42.68000030517578	47.54999923706055	0	0.30000001192092896	0.30000001192092896	0.30000001192092896	20.969999313354492	11	11	11	11	308.88	308.88	308.88	308.88	0.8399999737739563	4	4	4	4	0	0	0	0	2501503503	2501503503	2501503503	2501503503	3203452338	3203452338	3203452338	3203452338	612527	612527	612527	612527	15.02	15.02	15.02	1	42.68	42.68	42.68	1	47.55	47.55	47.55	1	0	0	0	1	0.3	0.3	0.3	1	0.3	0.3	0.3	1	0.3	0.3	0.3	1	20.97	20.97	20.97	1	1	1	0.84	0.84	0.84	1	1	1	1	1	1
14	2026-11-27 11:36:00+00	21.110000610351562	49.880001068115234	47.599998474121094	0	0.41999998688697815	0.41999998688697815	0.41999998688697815	22.93000030517578	21	21	21	21	512.26	512.26	512.26	512.26	0.5400000214576721	10	10	10	10	0	0	0	0	2512962161	2512962161	2512962161	2512962161	3246669401	3246669401	3246669401	3246669401	616127	616127	616127	616127	21.11	21.11	21.11	1	49.88	49.88	49.88	1	47.6	47.6	47.6	1	0	0	0	1	0.42	0.42	0.42	1	0.42	0.42	0.42	1	0.42	0.42	0.42	1	22.93	22.93	22.93	1	1	1	0.54	0.54	0.54	1	1	1	1	1	1
14	2026-11-27 12:36:00+00	29.610000610351562	54.09000015258789	47.66999816894531	0	0.5899999737739563	0.5899999737739563	0.5899999737739563	23.170000076293945	24	24	24	24	519.57	519.57	519.57	519.57	0.4300000071525574	6	6	6	6	0	0	0	0	2525939722	2525939722	2525939722	2525939722	3296372152	3296372152	3296372152	3296372152	619727	619727	619727	619727	29.61	29.61	29.61	1	54.09	54.09	54.09	1	47.67	47.67	47.67	1	0	0	0	1	0.59	0.59	0.59	1	0.59	0.59	0.59	1	0.59	0.59	0.59	1	23.17	23.17	23.17	1	1	1	0.43	0.43	0.43	1	1	1	1	1	1
14	2026-11-27 13:36:00+00	19.610000610351562	50.31999969482422	47.720001220703125	0	0.38999998569488525	0.38999998569488525	0.4000000059604645	24.809999465942383	20	20	20	20	353.2	353.2	353.2	353.2	0.3400000035762787	10	10	10	10	0	0	0	0	2541141396	2541141396	2541141396	2541141396	3353417346	3353417346	3353417346	3353417346	623327	623327	623327	623327	19.61	19.61	19.61	1	50.32	50.32	50.32	1	47.72	47.72	47.72	1	0	0	0	1	0.39	0.39	0.39	1	0.39	0.39	0.39	1	0.4	0.4	0.4	1	24.81	24.81	24.81	1	1	1	0.34	0.34	0.34	1	1	1	1	1	1
\.


--
-- Data for Name: rollup_late; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.rollup_late (device, bucket) FROM stdin;
6	2026-11-26 08:37:00+00
\.


--
-- Data for Name: rollup_progress; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.rollup_progress (resolution, claimed_to, rolled_to) FROM stdin;
1m	2026-11-27 14:00:00+00	2026-11-27 14:00:00+00
1h	2026-11-27 14:00:00+00	2026-11-27 14:00:00+00
\.


--
-- Data for Name: run_devices; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.run_devices (run_id, device, command_id, skipped) FROM stdin;
01a21d70-1432-719f-8c72-185346fdaf1f	1	01a21d70-149d-776a-9761-4d85cb4e3c84	\N
01a21d70-150c-773b-9ba3-ab5647461aac	2	\N	\N
01a21d70-150c-773b-9ba3-ab5647461aac	1	01a21d70-156d-7363-931c-ba659eb9517b	\N
01a21d70-1d82-773b-8348-b3b011ed9531	2	\N	\N
01a21d70-1d82-773b-8348-b3b011ed9531	1	01a21d70-1dde-7678-8459-fa32356e5971	\N
01a21d70-1dfb-7740-99c6-71048765a01e	2	\N	cancelled by admin: another day
01a21d70-1e09-7041-a4d9-320ace84259d	7	\N	\N
01a21d70-1e09-7041-a4d9-320ace84259d	5	\N	the device is inactive
01a21d70-1e09-7041-a4d9-320ace84259d	4	\N	\N
01a21d70-1e09-7041-a4d9-320ace84259d	3	\N	\N
01a21d70-1e09-7041-a4d9-320ace84259d	2	\N	\N
01a21d70-1e09-7041-a4d9-320ace84259d	1	01a21d70-1e48-7211-945d-256c0fca2433	\N
\.


--
-- Data for Name: runs; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.runs (run_id, command_type, payload, target, site_ids, max_in_flight, max_failures, time_to_live_ms, run_timeout_ms, state, reason, created_by, idempotency_key, description, created_at, finished_at) FROM stdin;
01a21d70-1432-719f-8c72-185346fdaf1f	PING	\N	{"source": null, "device_ids": ["till-1"]}	{shop-1}	1	0	2592000000	300000	completed	\N	admin	\N	all of them	2026-11-27 14:36:54.194518+00	2026-11-27 14:36:54.404188+00
01a21d70-150c-773b-9ba3-ab5647461aac	PING	\N	{"source": null, "device_ids": ["till-1", "till-2"]}	{shop-1}	1	0	2592000000	300000	halted	1 devices failed, 0 may	admin	\N	all of them	2026-11-27 14:36:54.412944+00	\N
01a21d70-1d82-773b-8348-b3b011ed9531	PING	\N	{"source": null, "device_ids": ["till-1", "till-2"]}	{shop-1}	1	0	2592000000	300000	paused	paused by admin: lunch	admin	\N	all of them	2026-11-27 14:36:56.578898+00	\N
01a21d70-1dfb-7740-99c6-71048765a01e	PING	\N	{"source": null, "device_ids": ["till-2"]}	{shop-1}	1	0	2592000000	300000	cancelled	cancelled by admin: another day	admin	\N	all of them	2026-11-27 14:36:56.699296+00	2026-11-27 14:36:56.704859+00
01a21d70-1e09-7041-a4d9-320ace84259d	PING	\N	{"source": "real", "site_id": "shop-1", "label_selector": null}	{shop-1}	1	0	2592000000	300000	running	\N	admin	\N	all of them	2026-11-27 14:36:56.713435+00	\N
\.


--
-- Data for Name: sample_losses; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.sample_losses (device, start_at, end_at, received_at, samples, reason) FROM stdin;
1	2026-11-27 14:16:54.086063+00	2026-11-27 14:26:54.08607+00	2026-11-27 14:36:54.086416+00	12	spool_full
\.


--
-- Data for Name: samples_20261119; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.samples_20261119 (device, collected_at, received_at, transaction_count, transaction_volume, bytes_sent, bytes_received, uptime_seconds, active_connections, queue_depth, collection_interval_ms, cpu_percent, memory_percent, disk_percent, swap_percent, load_1m, load_5m, load_15m, network_latency_ms, error_rate, temperatures, extra) FROM stdin;
\.


--
-- Data for Name: samples_20261120; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.samples_20261120 (device, collected_at, received_at, transaction_count, transaction_volume, bytes_sent, bytes_received, uptime_seconds, active_connections, queue_depth, collection_interval_ms, cpu_percent, memory_percent, disk_percent, swap_percent, load_1m, load_5m, load_15m, network_latency_ms, error_rate, temperatures, extra) FROM stdin;
\.


--
-- Data for Name: samples_20261121; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.samples_20261121 (device, collected_at, received_at, transaction_count, transaction_volume, bytes_sent, bytes_received, uptime_seconds, active_connections, queue_depth, collection_interval_ms, cpu_percent, memory_percent, disk_percent, swap_percent, load_1m, load_5m, load_15m, network_latency_ms, error_rate, temperatures, extra) FROM stdin;
\.


--
-- Data for Name: samples_20261122; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.samples_20261122 (device, collected_at, received_at, transaction_count, transaction_volume, bytes_sent, bytes_received, uptime_seconds, active_connections, queue_depth, collection_interval_ms, cpu_percent, memory_percent, disk_percent, swap_percent, load_1m, load_5m, load_15m, network_latency_ms, error_rate, temperatures, extra) FROM stdin;
\.


--
-- Data for Name: samples_20261123; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.samples_20261123 (device, collected_at, received_at, transaction_count, transaction_volume, bytes_sent, bytes_received, uptime_seconds, active_connections, queue_depth, collection_interval_ms, cpu_percent, memory_percent, disk_percent, swap_percent, load_1m, load_5m, load_15m, network_latency_ms, error_rate, temperatures, extra) FROM stdin;
\.


--
-- Data for Name: samples_20261124; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.samples_20261124 (device, collected_at, received_at, transaction_count, transaction_volume, bytes_sent, bytes_received, uptime_seconds, active_connections, queue_depth, collection_interval_ms, cpu_percent, memory_percent, disk_percent, swap_percent, load_1m, load_5m, load_15m, network_latency_ms, error_rate, temperatures, extra) FROM stdin;
\.


--
-- Data for Name: samples_20261125; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.samples_20261125 (device, collected_at, received_at, transaction_count, transaction_volume, bytes_sent, bytes_received, uptime_seconds, active_connections, queue_depth, collection_interval_ms, cpu_percent, memory_percent, disk_percent, swap_percent, load_1m, load_5m, load_15m, network_latency_ms, error_rate, temperatures, extra) FROM stdin;
9	2026-11-25 22:36:52.509965+00	2026-11-27 14:36:52.517785+00	17	1234.56	\N	\N	\N	\N	\N	\N	11	3.25	\N	\N	\N	\N	\N	\N	\N	[{"sensor": "board", "celsius": 41.5}]	\N
13	2026-11-25 13:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2220044603	33781216505	695195	8	0	3710	5.43	39.47	56.66	0	0.06	0.06	0.06	56.88	0.34	[{"sensor": "cpu", "celsius": 36.93}]	\N
13	2026-11-25 14:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2222018465	33786923493	698795	2	2	3600000	4.6	38.74	56.7	0	0.05	0.05	0.05	18.34	0.87	[{"sensor": "cpu", "celsius": 37.01}]	\N
13	2026-11-25 15:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2223321120	33790535495	702395	6	0	3600000	3.87	38.57	56.73	0	0.04	0.04	0.04	31.19	0.11	[{"sensor": "cpu", "celsius": 37.63}]	\N
13	2026-11-25 16:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2228531535	33806596501	705995	6	0	3600000	4.56	41.74	56.77	0	0.05	0.05	0.05	27.62	0.41	[{"sensor": "cpu", "celsius": 36.04}]	\N
13	2026-11-25 17:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2233279177	33821681305	709595	9	0	3600000	4.11	41.72	56.81	0	0.04	0.04	0.04	27.1	0.48	[{"sensor": "cpu", "celsius": 36.68}]	\N
13	2026-11-25 18:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2235354477	33827681021	713195	6	0	3600000	2.81	34.57	56.85	0	0.03	0.03	0.03	31.19	0.37	[{"sensor": "cpu", "celsius": 37.32}]	{"config_download": {"version": 2, "succeeded": true, "duration_ms": 306}}
13	2026-11-25 19:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2238598273	33836411365	716795	4	0	3600000	2.26	40.07	56.88	0	0.02	0.02	0.02	17.82	0.2	[{"sensor": "cpu", "celsius": 36.63}]	\N
13	2026-11-25 20:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2240504365	33840700071	720395	3	0	3600000	3.51	36.69	56.92	0	0.04	0.04	0.03	39.34	0.12	[{"sensor": "cpu", "celsius": 36.53}]	\N
13	2026-11-25 21:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2241788047	33843588355	723995	3	0	3600000	2.46	37.52	56.95	0	0.02	0.02	0.02	23.34	0.34	[{"sensor": "cpu", "celsius": 36.96}]	\N
13	2026-11-25 22:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2243181990	33846724728	727595	4	0	3600000	1.66	36.5	56.99	0	0.02	0.02	0.02	27.52	0.18	[{"sensor": "cpu", "celsius": 36.02}]	\N
13	2026-11-25 23:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2245777969	33852565680	731195	7	0	3600000	2.27	40.4	57.02	0	0.02	0.02	0.02	48.04	0.2	[{"sensor": "cpu", "celsius": 35.31}]	\N
14	2026-11-25 13:36:53.278174+00	2026-11-27 14:36:53.006704+00	0	0	2331830606	2638630305	450527	9	0	285	5.44	42.38	45.74	0	0.06	0.06	0.06	28.66	0.25	[{"sensor": "cpu", "celsius": 35.87}]	\N
14	2026-11-25 14:36:53.278174+00	2026-11-27 14:36:53.006704+00	8	214.92	2336630640	2655665584	454127	8	0	3600000	11.1	44.98	45.78	0	0.22	0.22	0.22	19.85	0.2	[{"sensor": "cpu", "celsius": 39.51}]	\N
14	2026-11-25 15:36:53.278174+00	2026-11-27 14:36:53.006704+00	8	136.94	2342814812	2677209007	457727	8	0	3600000	11.6	41.29	45.82	0	0.23	0.23	0.23	21.61	0.43	[{"sensor": "cpu", "celsius": 37.98}]	\N
14	2026-11-25 16:36:53.278174+00	2026-11-27 14:36:53.006704+00	12	295.64	2347052100	2692546661	461327	9	0	3600000	14.49	42.58	45.87	0	0.29	0.29	0.29	17.55	0.37	[{"sensor": "cpu", "celsius": 41.38}]	\N
14	2026-11-25 17:36:53.278174+00	2026-11-27 14:36:53.006704+00	15	328.92	2376652086	2804200443	464927	10	0	3600000	18.88	47.17	45.93	0	0.38	0.38	0.38	19.02	0.22	[{"sensor": "cpu", "celsius": 42.95}]	{"config_download": {"version": 2, "succeeded": true, "duration_ms": 961}}
14	2026-11-25 18:36:53.278174+00	2026-11-27 14:36:53.006704+00	8	166.41	2386873421	2840662724	468527	9	1	3600000	16.69	41.38	45.97	0	0.33	0.33	0.33	28.85	0.27	[{"sensor": "cpu", "celsius": 40.0}]	\N
14	2026-11-25 19:36:53.278174+00	2026-11-27 14:36:53.006704+00	6	88.98	2394999277	2868903415	472127	7	0	3600000	11.55	41.8	46.01	0	0.23	0.23	0.23	17.11	0.36	[{"sensor": "cpu", "celsius": 38.75}]	\N
14	2026-11-25 20:36:53.278174+00	2026-11-27 14:36:53.006704+00	0	0	2396180489	2871561141	475727	5	0	3600000	6.64	38.93	46.05	0	0.13	0.13	0.13	14.28	0.39	[{"sensor": "cpu", "celsius": 37.6}]	\N
14	2026-11-25 21:36:53.278174+00	2026-11-27 14:36:53.006704+00	0	0	2398131145	2875950117	479327	2	2	3600000	4.5	36.68	46.08	0	0.09	0.09	0.09	28.01	0.24	[{"sensor": "cpu", "celsius": 38.5}]	\N
14	2026-11-25 22:36:53.278174+00	2026-11-27 14:36:53.006704+00	0	0	2399085924	2878098369	482927	2	1	3600000	7.9	37.26	46.12	0	0.16	0.16	0.16	11.2	0.38	[{"sensor": "cpu", "celsius": 36.38}]	\N
14	2026-11-25 23:36:53.278174+00	2026-11-27 14:36:53.006704+00	0	0	2400717704	2881769875	486527	2	1	3600000	6.16	37.26	46.15	0	0.12	0.12	0.12	16.14	0.06	[{"sensor": "cpu", "celsius": 37.08}]	\N
\.


--
-- Data for Name: samples_20261126; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.samples_20261126 (device, collected_at, received_at, transaction_count, transaction_volume, bytes_sent, bytes_received, uptime_seconds, active_connections, queue_depth, collection_interval_ms, cpu_percent, memory_percent, disk_percent, swap_percent, load_1m, load_5m, load_15m, network_latency_ms, error_rate, temperatures, extra) FROM stdin;
13	2026-11-26 00:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2248166055	33857938873	734795	5	0	3600000	2.48	39.32	57.06	0	0.02	0.02	0.02	37.17	0.14	[{"sensor": "cpu", "celsius": 36.79}]	\N
13	2026-11-26 01:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2249065536	33859962705	738395	5	0	3600000	1.77	40.08	57.09	0	0.02	0.02	0.02	35.41	0.24	[{"sensor": "cpu", "celsius": 37.59}]	\N
13	2026-11-26 02:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2250239694	33862604561	741995	4	1	3600000	2.2	39.64	57.13	0	0.02	0.02	0.02	32.71	0.63	[{"sensor": "cpu", "celsius": 36.65}]	\N
13	2026-11-26 03:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2251908729	33866359891	745595	2	0	3600000	1.01	38.88	57.16	0	0.01	0.01	0.01	28.51	0.13	[{"sensor": "cpu", "celsius": 36.91}]	\N
13	2026-11-26 04:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2252928107	33868653492	749195	9	0	3600000	1.58	40.65	57.2	0	0.02	0.02	0.02	15.81	0.34	[{"sensor": "cpu", "celsius": 37.02}]	\N
13	2026-11-26 05:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2254488391	33872164130	752795	1	0	3600000	2.13	43.03	57.23	0	0.02	0.02	0.02	19.93	0.17	[{"sensor": "cpu", "celsius": 36.44}]	\N
13	2026-11-26 06:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2256000105	33875565486	756395	3	0	3600000	2.21	38	57.27	0	0.02	0.02	0.02	14.92	0.21	[{"sensor": "cpu", "celsius": 36.31}]	\N
13	2026-11-26 07:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2257378600	33878667100	759995	4	0	3600000	1.96	39.79	57.3	0	0.02	0.02	0.02	32.37	0.67	[{"sensor": "cpu", "celsius": 35.42}]	{"config_download": {"version": 3, "succeeded": true, "duration_ms": 436}}
13	2026-11-26 08:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2260979557	33888161873	763595	1	0	3600000	2.89	35.44	57.34	0	0.03	0.03	0.03	18.18	0.29	[{"sensor": "cpu", "celsius": 36.37}]	\N
13	2026-11-26 09:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2263084928	33894069443	767195	3	0	3600000	2.03	42.17	57.37	0	0.02	0.02	0.02	28.25	0.5	[{"sensor": "cpu", "celsius": 37.32}]	{"config_download": {"version": 4, "succeeded": true, "duration_ms": 1018}}
13	2026-11-26 10:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2264919327	33899255718	770795	5	0	3600000	2.28	38.1	57.41	0	0.02	0.02	0.02	25.58	0.62	[{"sensor": "cpu", "celsius": 35.74}]	{"config_download": {"version": 5, "succeeded": true, "duration_ms": 712}}
13	2026-11-26 11:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2267956730	33908452463	774395	12	1	3600000	2.28	37.69	57.45	0	0.02	0.02	0.02	17.49	0.3	[{"sensor": "cpu", "celsius": 36.06}]	\N
13	2026-11-26 12:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2271040386	33918576554	777995	5	1	3600000	8.1	40.85	57.49	0	0.08	0.08	0.08	29.96	0.86	[{"sensor": "cpu", "celsius": 37.35}]	\N
13	2026-11-26 13:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2275748375	33932619975	781595	6	0	3600000	2.51	40.26	57.53	0	0.03	0.03	0.03	11.95	0.31	[{"sensor": "cpu", "celsius": 38.02}]	\N
13	2026-11-26 14:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2278161777	33939151395	785195	6	0	3600000	2.17	38.96	57.56	0	0.02	0.02	0.02	23.5	0.31	[{"sensor": "cpu", "celsius": 36.21}]	\N
13	2026-11-26 15:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2284331513	33956551736	788795	9	1	3600000	4.59	41.75	57.6	0	0.05	0.05	0.05	41.58	0.42	[{"sensor": "cpu", "celsius": 35.36}]	\N
13	2026-11-26 16:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2286065792	33961354611	792395	5	0	3600000	1.48	42.06	57.63	0	0.01	0.01	0.02	22.95	0.13	[{"sensor": "cpu", "celsius": 36.07}]	\N
13	2026-11-26 17:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2289203597	33971033975	795995	6	0	3600000	3.72	40.95	57.67	0	0.04	0.04	0.04	25.07	0.39	[{"sensor": "cpu", "celsius": 38.15}]	\N
13	2026-11-26 18:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2292375085	33980355481	799595	6	0	3600000	2.04	40.95	57.71	0	0.02	0.02	0.02	45.41	0.42	[{"sensor": "cpu", "celsius": 37.53}]	\N
13	2026-11-26 19:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2294682232	33986627710	803195	5	0	3600000	0.95	39.08	57.75	0	0.01	0.01	0.01	21.9	0.47	[{"sensor": "cpu", "celsius": 37.04}]	\N
13	2026-11-26 20:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2296536375	33990799532	806795	8	0	3600000	1.67	37.4	57.78	0	0.02	0.02	0.02	31.83	0.34	[{"sensor": "cpu", "celsius": 35.4}]	\N
13	2026-11-26 21:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2297564867	33993113640	810395	2	0	3600000	2.1	38.7	57.82	0	0.02	0.02	0.02	21.9	0.83	[{"sensor": "cpu", "celsius": 35.68}]	\N
13	2026-11-26 22:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2299507642	33997484882	813995	5	0	3600000	1.6	34.91	57.85	0	0.02	0.02	0.02	55.12	0.25	[{"sensor": "cpu", "celsius": 34.75}]	\N
13	2026-11-26 23:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2300511302	33999743118	817595	4	0	3600000	2.85	40.6	57.89	0	0.03	0.03	0.03	24.25	0.19	[{"sensor": "cpu", "celsius": 37.5}]	\N
14	2026-11-26 00:36:53.278174+00	2026-11-27 14:36:53.006704+00	0	0	2401856806	2884332855	490127	3	1	3600000	7.51	38.11	46.19	0	0.15	0.15	0.15	20.33	0.25	[{"sensor": "cpu", "celsius": 36.21}]	\N
14	2026-11-26 01:36:53.278174+00	2026-11-27 14:36:53.006704+00	0	0	2403455099	2887929014	493727	2	1	3600000	6.26	35.61	46.22	0	0.13	0.13	0.13	29.9	0.22	[{"sensor": "cpu", "celsius": 39.56}]	\N
14	2026-11-26 02:36:53.278174+00	2026-11-27 14:36:53.006704+00	0	0	2404098781	2889377298	497327	3	0	3600000	4.46	34.84	46.26	0	0.09	0.09	0.09	19	0.41	[{"sensor": "cpu", "celsius": 39.02}]	\N
14	2026-11-26 03:36:53.278174+00	2026-11-27 14:36:53.006704+00	0	0	2405309658	2892101771	500927	4	0	3600000	5.21	40.93	46.29	0	0.1	0.1	0.1	18.37	0.08	[{"sensor": "cpu", "celsius": 37.88}]	\N
14	2026-11-26 04:36:53.278174+00	2026-11-27 14:36:53.006704+00	0	0	2406153422	2894000241	504527	8	0	3600000	8.1	36.45	46.33	0	0.16	0.16	0.16	14.06	0.4	[{"sensor": "cpu", "celsius": 38.76}]	\N
14	2026-11-26 05:36:53.278174+00	2026-11-27 14:36:53.006704+00	0	0	2407553027	2897149351	508127	3	0	3600000	6.61	32.52	46.36	0	0.13	0.13	0.13	12.67	0.28	[{"sensor": "cpu", "celsius": 38.28}]	\N
14	2026-11-26 06:36:53.278174+00	2026-11-27 14:36:53.006704+00	0	0	2408668388	2899658913	511727	6	0	3600000	6.63	36.52	46.4	0	0.13	0.13	0.13	14.02	0.15	[{"sensor": "cpu", "celsius": 36.96}]	\N
14	2026-11-26 07:36:53.278174+00	2026-11-27 14:36:53.006704+00	0	0	2410352133	2903447340	515327	7	0	3600000	6.3	36.04	46.43	0	0.13	0.13	0.13	22.67	0.36	[{"sensor": "cpu", "celsius": 37.81}]	\N
14	2026-11-26 08:36:53.278174+00	2026-11-27 14:36:53.006704+00	8	185.81	2413379431	2913955553	518927	9	1	3600000	12.91	42.7	46.47	0	0.26	0.26	0.26	14.82	0.44	[{"sensor": "cpu", "celsius": 40.94}]	{"config_download": {"version": 3, "succeeded": true, "duration_ms": 3187}}
14	2026-11-26 09:36:53.278174+00	2026-11-27 14:36:53.006704+00	6	130.16	2416303431	2923590379	522527	10	0	3600000	7.29	42.01	46.51	0	0.15	0.15	0.15	12.6	0.6	[{"sensor": "cpu", "celsius": 39.72}]	\N
14	2026-11-26 10:36:53.278174+00	2026-11-27 14:36:53.006704+00	14	341.79	2421007443	2940540484	526127	10	1	3600000	16.44	42.86	46.56	0	0.33	0.33	0.33	21.74	0.21	[{"sensor": "cpu", "celsius": 41.63}]	\N
14	2026-11-26 11:36:53.278174+00	2026-11-27 14:36:53.006704+00	18	456.79	2426125619	2959252118	529727	9	0	3600000	18.47	44.76	46.61	0	0.37	0.37	0.37	16.36	0.26	[{"sensor": "cpu", "celsius": 42.76}]	{"config_download": {"version": 4, "succeeded": true, "duration_ms": 1406}}
14	2026-11-26 12:36:53.278174+00	2026-11-27 14:36:53.006704+00	12	257.47	2428955075	2969801535	533327	13	0	3600000	21.82	45.86	46.66	0	0.44	0.44	0.44	26.91	0.58	[{"sensor": "cpu", "celsius": 42.43}]	{"config_download": {"version": 5, "succeeded": true, "duration_ms": 684}}
14	2026-11-26 13:36:53.278174+00	2026-11-27 14:36:53.006704+00	26	526.91	2436018776	2996055721	536927	8	1	3600000	18.69	43.72	46.71	0	0.37	0.37	0.37	22.63	0.3	[{"sensor": "cpu", "celsius": 43.47}]	\N
14	2026-11-26 14:36:53.278174+00	2026-11-27 14:36:53.006704+00	5	90.8	2439853277	3009346171	540527	1	0	3600000	13.98	39.96	46.75	0	0.28	0.28	0.28	25.07	0.31	[{"sensor": "cpu", "celsius": 40.76}]	\N
14	2026-11-26 15:36:53.278174+00	2026-11-27 14:36:53.006704+00	7	195.79	2443556015	3022144589	544127	5	0	3600000	9.6	40.66	46.79	0	0.19	0.19	0.19	12.29	0.33	[{"sensor": "cpu", "celsius": 37.45}]	\N
14	2026-11-26 16:36:53.278174+00	2026-11-27 14:36:53.006704+00	13	331.98	2450787964	3048814824	547727	5	0	3600000	15.41	46.66	46.84	0	0.31	0.31	0.31	12.41	0.25	[{"sensor": "cpu", "celsius": 40.03}]	\N
14	2026-11-26 17:36:53.278174+00	2026-11-27 14:36:53.006704+00	18	433.7	2457834266	3075486075	551327	12	0	3600000	20.25	47.7	46.9	0	0.4	0.4	0.4	21.65	0.23	[{"sensor": "cpu", "celsius": 41.75}]	\N
14	2026-11-26 18:36:53.278174+00	2026-11-27 14:36:53.006704+00	21	462.39	2463297490	3095731988	554927	8	0	3600000	19.53	45.82	46.95	0	0.39	0.39	0.39	22.05	0.37	[{"sensor": "cpu", "celsius": 41.7}]	\N
14	2026-11-26 19:36:53.278174+00	2026-11-27 14:36:53.006704+00	13	232.1	2468390039	3114023731	558527	10	1	3600000	15.75	43.06	47	0	0.31	0.31	0.32	22.38	0.08	[{"sensor": "cpu", "celsius": 40.3}]	\N
14	2026-11-26 20:36:53.278174+00	2026-11-27 14:36:53.006704+00	0	0	2469807284	3117212533	562127	3	0	3600000	4.84	38.22	47.03	0	0.1	0.1	0.1	12.59	0.34	[{"sensor": "cpu", "celsius": 37.55}]	\N
14	2026-11-26 21:36:53.278174+00	2026-11-27 14:36:53.006704+00	0	0	2471572420	3121184088	565727	3	0	3600000	6.38	37.08	47.07	0	0.13	0.13	0.13	19.23	0.6	[{"sensor": "cpu", "celsius": 37.93}]	\N
14	2026-11-26 22:36:53.278174+00	2026-11-27 14:36:53.006704+00	0	0	2472124866	3122427093	569327	9	0	3600000	6.9	41.44	47.1	0	0.14	0.14	0.14	15.54	0.28	[{"sensor": "cpu", "celsius": 37.32}]	\N
14	2026-11-26 23:36:53.278174+00	2026-11-27 14:36:53.006704+00	0	0	2473826991	3126256873	572927	7	0	3600000	6.9	36.71	47.14	0	0.14	0.14	0.14	21.47	0.46	[{"sensor": "cpu", "celsius": 39.23}]	\N
6	2026-11-26 08:37:02.625719+00	2026-11-27 14:37:02.634081+00	17	1234.56	\N	\N	\N	\N	\N	\N	77	3.25	\N	\N	\N	\N	\N	\N	\N	[{"sensor": "board", "celsius": 41.5}]	\N
\.


--
-- Data for Name: samples_20261127; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.samples_20261127 (device, collected_at, received_at, transaction_count, transaction_volume, bytes_sent, bytes_received, uptime_seconds, active_connections, queue_depth, collection_interval_ms, cpu_percent, memory_percent, disk_percent, swap_percent, load_1m, load_5m, load_15m, network_latency_ms, error_rate, temperatures, extra) FROM stdin;
6	2026-11-27 14:36:52.168523+00	2026-11-27 14:36:52.174693+00	\N	\N	\N	\N	\N	\N	\N	\N	45.5	12	\N	\N	\N	\N	\N	\N	\N	\N	\N
13	2026-11-27 00:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2302511908	34004244480	821195	6	1	3600000	2.27	39.3	57.92	0	0.02	0.02	0.02	34.49	0.19	[{"sensor": "cpu", "celsius": 36.56}]	\N
13	2026-11-27 01:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2303901736	34007371594	824795	3	0	3600000	1.42	40.51	57.96	0	0.01	0.01	0.01	50.16	0.25	[{"sensor": "cpu", "celsius": 36.11}]	\N
13	2026-11-27 02:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2305741694	34011511499	828395	1	0	3600000	3.15	40.37	57.99	0	0.03	0.03	0.03	35.11	0.32	[{"sensor": "cpu", "celsius": 38.16}]	\N
13	2026-11-27 03:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2306661708	34013581531	831995	7	0	3600000	2.83	40.62	58.03	0	0.03	0.03	0.03	30.26	0.24	[{"sensor": "cpu", "celsius": 36.47}]	{"config_download": {"version": 6, "succeeded": true, "duration_ms": 1066}}
13	2026-11-27 04:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2308264223	34017187190	835595	4	0	3600000	0.73	39.34	58.06	0	0.01	0.01	0.01	25.78	0.34	[{"sensor": "cpu", "celsius": 36.14}]	\N
13	2026-11-27 05:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2310721216	34022715424	839195	3	0	3600000	0.4	40.82	58.1	0	0	0	0	27.06	0.19	[{"sensor": "cpu", "celsius": 33.38}]	\N
13	2026-11-27 06:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2311745753	34025020631	842795	5	0	3600000	1.29	35.59	58.13	0	0.01	0.01	0.01	30.45	0.44	[{"sensor": "cpu", "celsius": 35.32}]	\N
13	2026-11-27 07:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2313105160	34028079299	846395	5	0	3600000	0.88	41.95	58.17	0	0.01	0.01	0.01	21.39	0.43	[{"sensor": "cpu", "celsius": 36.45}]	\N
13	2026-11-27 08:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2316477337	34037449703	849995	3	0	3600000	1.31	38.59	58.2	0	0.01	0.01	0.01	25.54	0.3	[{"sensor": "cpu", "celsius": 37.27}]	\N
13	2026-11-27 09:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2317782688	34041171614	853595	7	0	3600000	3.06	37.94	58.24	0	0.03	0.03	0.03	32.46	0.74	[{"sensor": "cpu", "celsius": 39.48}]	\N
13	2026-11-27 10:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2319238169	34045233699	857195	7	0	3600000	2.56	40.49	58.27	0	0.03	0.03	0.03	31.16	0.18	[{"sensor": "cpu", "celsius": 37.37}]	\N
13	2026-11-27 11:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2324576834	34062172087	860795	4	0	3600000	5.23	43.78	58.31	0	0.05	0.05	0.05	32.93	0.26	[{"sensor": "cpu", "celsius": 38.06}]	\N
13	2026-11-27 12:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2327502749	34071749348	864395	4	0	3600000	3.29	41.67	58.35	0	0.03	0.03	0.03	40.52	0.37	[{"sensor": "cpu", "celsius": 37.44}]	\N
13	2026-11-27 13:36:56.702782+00	2026-11-27 14:36:53.006704+00	\N	\N	2329901955	34078725302	867995	6	0	3600000	2.66	39.58	58.39	0	0.03	0.03	0.03	20.34	0.56	[{"sensor": "cpu", "celsius": 36.45}]	\N
14	2026-11-27 00:36:53.278174+00	2026-11-27 14:36:53.006704+00	0	0	2475567095	3130172107	576527	1	0	3600000	7.58	40.06	47.17	0	0.15	0.15	0.15	15.73	0.36	[{"sensor": "cpu", "celsius": 38.15}]	\N
14	2026-11-27 01:36:53.278174+00	2026-11-27 14:36:53.006704+00	0	0	2477433337	3134371151	580127	5	1	3600000	6.65	36.2	47.21	0	0.13	0.13	0.13	19.3	0.33	[{"sensor": "cpu", "celsius": 36.89}]	\N
14	2026-11-27 02:36:53.278174+00	2026-11-27 14:36:53.006704+00	0	0	2480495609	3141261264	583727	5	0	3600000	8.42	39.84	47.24	0	0.17	0.17	0.17	18.8	0.32	[{"sensor": "cpu", "celsius": 38.4}]	\N
14	2026-11-27 03:36:53.278174+00	2026-11-27 14:36:53.006704+00	0	0	2481959794	3144555681	587327	9	1	3600000	7.22	37.62	47.28	0	0.14	0.14	0.14	14.07	0.43	[{"sensor": "cpu", "celsius": 37.3}]	\N
14	2026-11-27 04:36:53.278174+00	2026-11-27 14:36:53.006704+00	0	0	2483586821	3148216490	590927	3	0	3600000	5.6	41.4	47.31	0	0.11	0.11	0.11	15.33	0.26	[{"sensor": "cpu", "celsius": 38.42}]	\N
14	2026-11-27 05:36:53.278174+00	2026-11-27 14:36:53.006704+00	0	0	2485426943	3152356765	594527	5	0	3600000	2.96	36.9	47.35	0	0.06	0.06	0.06	13.54	0.52	[{"sensor": "cpu", "celsius": 36.86}]	\N
14	2026-11-27 06:36:53.278174+00	2026-11-27 14:36:53.006704+00	0	0	2486557838	3154901280	598127	3	0	3600000	7.36	38.66	47.38	0	0.15	0.15	0.15	14.73	0.3	[{"sensor": "cpu", "celsius": 38.19}]	\N
14	2026-11-27 07:36:53.278174+00	2026-11-27 14:36:53.006704+00	0	0	2489586050	3161714756	601727	9	0	3600000	6.12	38.42	47.42	0	0.12	0.12	0.12	14.04	0.16	[{"sensor": "cpu", "celsius": 38.18}]	\N
14	2026-11-27 08:36:53.278174+00	2026-11-27 14:36:53.006704+00	7	173.09	2494788905	3180012302	605327	4	1	3600000	11.26	40.13	47.46	0	0.23	0.23	0.22	23.74	0.4	[{"sensor": "cpu", "celsius": 37.66}]	\N
14	2026-11-27 09:36:53.278174+00	2026-11-27 14:36:53.006704+00	7	176.33	2497873862	3190631547	608927	4	0	3600000	11.08	42.5	47.5	0	0.22	0.22	0.22	18.53	0.51	[{"sensor": "cpu", "celsius": 40.9}]	\N
14	2026-11-27 10:36:53.278174+00	2026-11-27 14:36:53.006704+00	11	308.88	2501503503	3203452338	612527	4	0	3600000	15.02	42.68	47.55	0	0.3	0.3	0.3	20.97	0.84	[{"sensor": "cpu", "celsius": 40.7}]	\N
14	2026-11-27 11:36:53.278174+00	2026-11-27 14:36:53.006704+00	21	512.26	2512962161	3246669401	616127	10	0	3600000	21.11	49.88	47.6	0	0.42	0.42	0.42	22.93	0.54	[{"sensor": "cpu", "celsius": 42.57}]	\N
14	2026-11-27 12:36:53.278174+00	2026-11-27 14:36:53.006704+00	24	519.57	2525939722	3296372152	619727	6	0	3600000	29.61	54.09	47.67	0	0.59	0.59	0.59	23.17	0.43	[{"sensor": "cpu", "celsius": 42.97}]	\N
14	2026-11-27 13:36:53.278174+00	2026-11-27 14:36:53.006704+00	20	353.2	2541141396	3353417346	623327	10	0	3600000	19.61	50.32	47.72	0	0.39	0.39	0.4	24.81	0.34	[{"sensor": "cpu", "celsius": 42.89}]	\N
14	2026-11-27 14:36:53.278174+00	2026-11-27 14:36:53.292023+00	6	115.73	2544223574	3364081600	626927	7	1	3600000	10.14	37.56	47.76	0	0.2	0.2	0.21	32.27	0.27	[{"sensor": "cpu", "celsius": 38.3}]	{"config_download": {"version": 6, "succeeded": true, "duration_ms": 761}}
1	2026-11-27 11:46:54.074474+00	2026-11-27 14:36:54.083385+00	17	1234.56	\N	\N	\N	\N	\N	\N	10	3.25	\N	\N	\N	\N	\N	\N	\N	[{"sensor": "board", "celsius": 41.5}]	\N
1	2026-11-27 12:06:54.074483+00	2026-11-27 14:36:54.083385+00	17	1234.56	\N	\N	\N	\N	\N	\N	11	3.25	\N	\N	\N	\N	\N	\N	\N	[{"sensor": "board", "celsius": 41.5}]	\N
1	2026-11-27 12:26:54.074484+00	2026-11-27 14:36:54.083385+00	17	1234.56	\N	\N	\N	\N	\N	\N	12	3.25	\N	\N	\N	\N	\N	\N	\N	[{"sensor": "board", "celsius": 41.5}]	\N
1	2026-11-27 12:46:54.074484+00	2026-11-27 14:36:54.083385+00	17	1234.56	\N	\N	\N	\N	\N	\N	13	3.25	\N	\N	\N	\N	\N	\N	\N	[{"sensor": "board", "celsius": 41.5}]	\N
1	2026-11-27 13:06:54.074486+00	2026-11-27 14:36:54.083385+00	17	1234.56	\N	\N	\N	\N	\N	\N	14	3.25	\N	\N	\N	\N	\N	\N	\N	[{"sensor": "board", "celsius": 41.5}]	\N
1	2026-11-27 13:26:54.074487+00	2026-11-27 14:36:54.083385+00	17	1234.56	\N	\N	\N	\N	\N	\N	15	3.25	\N	\N	\N	\N	\N	\N	\N	[{"sensor": "board", "celsius": 41.5}]	\N
1	2026-11-27 13:46:54.074487+00	2026-11-27 14:36:54.083385+00	17	1234.56	\N	\N	\N	\N	\N	\N	16	3.25	\N	\N	\N	\N	\N	\N	\N	[{"sensor": "board", "celsius": 41.5}]	\N
1	2026-11-27 14:06:54.074488+00	2026-11-27 14:36:54.083385+00	17	1234.56	\N	\N	\N	\N	\N	\N	17	3.25	\N	\N	\N	\N	\N	\N	\N	[{"sensor": "board", "celsius": 41.5}]	\N
15	2026-11-27 14:36:57.512325+00	2026-11-27 14:36:57.523337+00	\N	\N	259656	127690710	1859	11	\N	503	59.41	16.82	28.38	\N	3.72	4.58	3.67	\N	\N	\N	\N
\.


--
-- Data for Name: samples_20261128; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.samples_20261128 (device, collected_at, received_at, transaction_count, transaction_volume, bytes_sent, bytes_received, uptime_seconds, active_connections, queue_depth, collection_interval_ms, cpu_percent, memory_percent, disk_percent, swap_percent, load_1m, load_5m, load_15m, network_latency_ms, error_rate, temperatures, extra) FROM stdin;
\.


--
-- Data for Name: samples_20261129; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.samples_20261129 (device, collected_at, received_at, transaction_count, transaction_volume, bytes_sent, bytes_received, uptime_seconds, active_connections, queue_depth, collection_interval_ms, cpu_percent, memory_percent, disk_percent, swap_percent, load_1m, load_5m, load_15m, network_latency_ms, error_rate, temperatures, extra) FROM stdin;
\.


--
-- Data for Name: secrets; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.secrets (name, secret) FROM stdin;
reconnect-tickets	\\x0a2b37cf68a66c0a13fb63500bfd84fb3290f47e39e43c045c5e65c92e3efa4a
\.


--
-- Data for Name: sessions; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.sessions (device, session_epoch, last_seen_at, attached_at, ended, heartbeat_ms, replica, agent_version, boot_id, capabilities, status, status_since, flap_penalty, flap_penalty_at, flapping_since, flapping_until, changes_not_shown, change_untold, takeover_penalty, takeover_penalty_at, contested_since, contested_until, changed_at, version, journal_id) FROM stdin;
3	0	\N	\N	f	0	\N	\N	\N	\N	unknown	\N	0	\N	\N	\N	0	f	0	\N	\N	\N	2026-11-27 14:36:52.001943+00	1795790212002782	\N
7	0	\N	\N	f	0	\N	\N	\N	\N	unknown	\N	0	\N	\N	\N	0	f	0	\N	\N	\N	2026-11-27 14:36:52.26194+00	1795790212262808	\N
13	1	2026-11-27 14:36:53.002536+00	\N	t	10000	server/17869	homepot-sim 0.1.0	f1d1d8463579-1	{PING,RUN_DIAGNOSTICS,SET_INTERVAL,RESTART_APP,REBOOT}	offline	2026-11-27 14:36:54.018386+00	1.9976463625557943	2026-11-27 14:36:54.018386+00	\N	\N	0	f	0	\N	\N	\N	2026-11-27 14:36:54.017629+00	1795790212989351	f1d1d8463579-1
12	0	\N	\N	f	0	\N	\N	\N	\N	unknown	\N	0	\N	\N	\N	0	f	0	\N	\N	\N	2026-11-27 14:36:52.787777+00	1795790212800497	\N
14	1	2026-11-27 14:36:53.279365+00	\N	t	10000	server/17869	homepot-sim 0.1.0	f1d1d8463579-1	{PING,RUN_DIAGNOSTICS,SET_INTERVAL,RESTART_APP,REBOOT}	offline	2026-11-27 14:36:54.018032+00	1.9976390002451325	2026-11-27 14:36:54.018032+00	\N	\N	0	f	0	\N	\N	\N	2026-11-27 14:36:54.017518+00	1795790212990711	f1d1d8463579-0
2	0	\N	\N	f	0	\N	\N	\N	\N	unknown	\N	0	\N	\N	\N	0	f	0	\N	\N	\N	2026-11-27 14:36:54.026402+00	1795790211949958	\N
4	0	\N	\N	f	0	\N	\N	\N	\N	unknown	\N	0	\N	\N	\N	0	f	0	\N	\N	\N	2026-11-27 14:36:54.060065+00	1795790212055394	\N
5	0	\N	\N	f	0	\N	\N	\N	\N	unknown	\N	0	\N	\N	\N	0	f	0	\N	\N	\N	2026-11-27 14:36:54.068016+00	1795790212108573	\N
15	1	2026-11-27 14:36:57.547415+00	\N	t	10000	server/17869	0.1.0	c862326d-7bc9-486e-806f-e1a596bad690	{PING,RUN_DIAGNOSTICS,SET_INTERVAL,RESTART_APP,REBOOT}	offline	2026-11-27 14:36:57.597815+00	1.9986533808670353	2026-11-27 14:36:57.597815+00	\N	\N	0	f	0	\N	\N	\N	2026-11-27 14:36:57.59743+00	1795790216998062	a62adc0109d248f1d6589517cc3d8b82
1	3	2026-11-27 14:36:54.51511+00	\N	t	10000	server/17869	0.0.0-test	boot-1	{PING,REBOOT}	offline	2026-11-27 14:36:54.703322+00	5.993200762232436	2026-11-27 14:36:54.703322+00	\N	\N	0	f	0	\N	\N	\N	2026-11-27 14:36:54.702887+00	1795790211897838	journal-1
9	0	2026-11-27 14:36:52.513865+00	\N	f	60000	\N	\N	\N	\N	offline	2026-11-27 14:39:22.513865+00	1.6154991758231372	2026-11-27 14:40:22.616774+00	\N	\N	0	f	0	\N	\N	\N	2026-11-27 14:40:22.616164+00	1795790212508092	\N
6	0	2026-11-27 14:40:22.627908+00	\N	f	60000	\N	\N	\N	\N	online	2026-11-27 14:40:23.565067+00	2.611963355580035	2026-11-27 14:40:23.565067+00	\N	\N	0	f	0	\N	\N	\N	2026-11-27 14:40:23.564094+00	1795790212165588	\N
\.


--
-- Data for Name: sites; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.sites (site_id, name, description, location, open_enrollment, created_at, updated_at) FROM stdin;
shop-1	Site shop-1	with "quotes", a \\ and a\ttab	Main St 1	f	2026-11-27 14:36:51.593496+00	2026-11-27 14:36:51.593496+00
shop-2	Site shop-2	with "quotes", a \\ and a\ttab	Dépôt, 2ᵉ étage	t	2026-11-27 14:36:51.596088+00	2026-11-27 14:36:51.596088+00
sim-1	sim 1 (simulated)	Made by homepot-sim for simulated devices	\N	f	2026-11-27 14:36:52.836409+00	2026-11-27 14:36:52.836409+00
\.


--
-- Data for Name: user_activities_20261116; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.user_activities_20261116 (at, number, duration_ms, activity_type, source, operator, page_url, element_id, search_query, session_id, metadata) FROM stdin;
\.


--
-- Data for Name: user_activities_20261123; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.user_activities_20261123 (at, number, duration_ms, activity_type, source, operator, page_url, element_id, search_query, session_id, metadata) FROM stdin;
2026-11-27 14:36:56.822763+00	1	1500	search	real	admin	/devices	\N	till 7	a	{"theme": "dark"}
2026-11-27 14:36:56.824936+00	2	1500	search	real	admin	/devices	\N	till 7	a	{"theme": "dark"}
2026-11-27 14:36:56.826308+00	3	1500	search	real	admin	/sites	\N	till 7	a	{"theme": "dark"}
2026-11-27 14:36:56.827532+00	4	1500	search	real	night-shift	/devices	\N	till 7	b	{"theme": "dark"}
2026-11-27 14:36:56.828962+00	5	1500	search	simulated	admin	/sites	\N	till 7	c	{"theme": "dark"}
\.


--
-- Name: device_states_number; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.device_states_number', 20, true);


--
-- Name: devices_device_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.devices_device_seq', 15, true);


--
-- Name: error_groups_number; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.error_groups_number', 5, true);


--
-- Name: user_activities_number; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.user_activities_number', 5, true);


--
-- Name: __diesel_schema_migrations __diesel_schema_migrations_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.__diesel_schema_migrations
    ADD CONSTRAINT __diesel_schema_migrations_pkey PRIMARY KEY (version);


--
-- Name: commands commands_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.commands
    ADD CONSTRAINT commands_pkey PRIMARY KEY (command_id);


--
-- Name: device_keys device_keys_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.device_keys
    ADD CONSTRAINT device_keys_pkey PRIMARY KEY (device, key_id);


--
-- Name: device_latest device_latest_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.device_latest
    ADD CONSTRAINT device_latest_pkey PRIMARY KEY (device);


--
-- Name: device_states device_states_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.device_states
    ADD CONSTRAINT device_states_pkey PRIMARY KEY (device, at, number);


--
-- Name: device_states_20261116 device_states_20261116_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.device_states_20261116
    ADD CONSTRAINT device_states_20261116_pkey PRIMARY KEY (device, at, number);


--
-- Name: device_states_20261123 device_states_20261123_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.device_states_20261123
    ADD CONSTRAINT device_states_20261123_pkey PRIMARY KEY (device, at, number);


--
-- Name: devices devices_device_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.devices
    ADD CONSTRAINT devices_device_id_key UNIQUE (device_id);


--
-- Name: devices devices_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.devices
    ADD CONSTRAINT devices_pkey PRIMARY KEY (device);


--
-- Name: enrollment_tokens enrollment_tokens_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.enrollment_tokens
    ADD CONSTRAINT enrollment_tokens_pkey PRIMARY KEY (token_id);


--
-- Name: error_groups error_groups_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.error_groups
    ADD CONSTRAINT error_groups_pkey PRIMARY KEY (hour, fingerprint);


--
-- Name: error_groups_20261116 error_groups_20261116_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.error_groups_20261116
    ADD CONSTRAINT error_groups_20261116_pkey PRIMARY KEY (hour, fingerprint);


--
-- Name: error_groups_20261123 error_groups_20261123_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.error_groups_20261123
    ADD CONSTRAINT error_groups_20261123_pkey PRIMARY KEY (hour, fingerprint);


--
-- Name: error_reporters error_reporters_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.error_reporters
    ADD CONSTRAINT error_reporters_pkey PRIMARY KEY (hour, reporter);


--
-- Name: operators operators_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.operators
    ADD CONSTRAINT operators_pkey PRIMARY KEY (name);


--
-- Name: operators operators_token_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.operators
    ADD CONSTRAINT operators_token_id_key UNIQUE (token_id);


--
-- Name: removed_devices removed_devices_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.removed_devices
    ADD CONSTRAINT removed_devices_pkey PRIMARY KEY (device);


--
-- Name: rollup_1h rollup_1h_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.rollup_1h
    ADD CONSTRAINT rollup_1h_pkey PRIMARY KEY (device, bucket);


--
-- Name: rollup_1h_20261101 rollup_1h_20261101_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.rollup_1h_20261101
    ADD CONSTRAINT rollup_1h_20261101_pkey PRIMARY KEY (device, bucket);


--
-- Name: rollup_1m rollup_1m_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.rollup_1m
    ADD CONSTRAINT rollup_1m_pkey PRIMARY KEY (device, bucket);


--
-- Name: rollup_1m_20261116 rollup_1m_20261116_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.rollup_1m_20261116
    ADD CONSTRAINT rollup_1m_20261116_pkey PRIMARY KEY (device, bucket);


--
-- Name: rollup_1m_20261123 rollup_1m_20261123_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.rollup_1m_20261123
    ADD CONSTRAINT rollup_1m_20261123_pkey PRIMARY KEY (device, bucket);


--
-- Name: rollup_progress rollup_progress_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.rollup_progress
    ADD CONSTRAINT rollup_progress_pkey PRIMARY KEY (resolution);


--
-- Name: run_devices run_devices_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.run_devices
    ADD CONSTRAINT run_devices_pkey PRIMARY KEY (run_id, device);


--
-- Name: runs runs_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (run_id);


--
-- Name: sample_losses sample_losses_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sample_losses
    ADD CONSTRAINT sample_losses_pkey PRIMARY KEY (device, start_at, end_at, reason);


--
-- Name: samples samples_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.samples
    ADD CONSTRAINT samples_pkey PRIMARY KEY (device, collected_at);


--
-- Name: samples_20261119 samples_20261119_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.samples_20261119
    ADD CONSTRAINT samples_20261119_pkey PRIMARY KEY (device, collected_at);


--
-- Name: samples_20261120 samples_20261120_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.samples_20261120
    ADD CONSTRAINT samples_20261120_pkey PRIMARY KEY (device, collected_at);


--
-- Name: samples_20261121 samples_20261121_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.samples_20261121
    ADD CONSTRAINT samples_20261121_pkey PRIMARY KEY (device, collected_at);


--
-- Name: samples_20261122 samples_20261122_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.samples_20261122
    ADD CONSTRAINT samples_20261122_pkey PRIMARY KEY (device, collected_at);


--
-- Name: samples_20261123 samples_20261123_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.samples_20261123
    ADD CONSTRAINT samples_20261123_pkey PRIMARY KEY (device, collected_at);


--
-- Name: samples_20261124 samples_20261124_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.samples_20261124
    ADD CONSTRAINT samples_20261124_pkey PRIMARY KEY (device, collected_at);


--
-- Name: samples_20261125 samples_20261125_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.samples_20261125
    ADD CONSTRAINT samples_20261125_pkey PRIMARY KEY (device, collected_at);


--
-- Name: samples_20261126 samples_20261126_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.samples_20261126
    ADD CONSTRAINT samples_20261126_pkey PRIMARY KEY (device, collected_at);


--
-- Name: samples_20261127 samples_20261127_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.samples_20261127
    ADD CONSTRAINT samples_20261127_pkey PRIMARY KEY (device, collected_at);


--
-- Name: samples_20261128 samples_20261128_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.samples_20261128
    ADD CONSTRAINT samples_20261128_pkey PRIMARY KEY (device, collected_at);


--
-- Name: samples_20261129 samples_20261129_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.samples_20261129
    ADD CONSTRAINT samples_20261129_pkey PRIMARY KEY (device, collected_at);


--
-- Name: secrets secrets_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.secrets
    ADD CONSTRAINT secrets_pkey PRIMARY KEY (name);


--
-- Name: sessions sessions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (device);


--
-- Name: sites sites_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sites
    ADD CONSTRAINT sites_pkey PRIMARY KEY (site_id);


--
-- Name: user_activities user_activities_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.user_activities
    ADD CONSTRAINT user_activities_pkey PRIMARY KEY (at, number);


--
-- Name: user_activities_20261116 user_activities_20261116_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.user_activities_20261116
    ADD CONSTRAINT user_activities_20261116_pkey PRIMARY KEY (at, number);


--
-- Name: user_activities_20261123 user_activities_20261123_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.user_activities_20261123
    ADD CONSTRAINT user_activities_20261123_pkey PRIMARY KEY (at, number);


--
-- Name: commands_by_key; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX commands_by_key ON public.commands USING btree (device, idempotency_key) WHERE (idempotency_key IS NOT NULL);


--
-- Name: commands_changed; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX commands_changed ON public.commands USING brin (changed_at) WITH (pages_per_range='8', autosummarize='on');


--
-- Name: commands_claimable; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX commands_claimable ON public.commands USING btree (device, created_at, command_id) WHERE (state = ANY (ARRAY['queued'::text, 'sent'::text, 'acknowledged'::text]));


--
-- Name: commands_newest; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX commands_newest ON public.commands USING btree (device, created_at, command_id);


--
-- Name: commands_of_run; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX commands_of_run ON public.commands USING btree (run_id, device) WHERE (run_id IS NOT NULL);


--
-- Name: commands_queued; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX commands_queued ON public.commands USING btree (expires_at) WHERE (state = 'queued'::text);


--
-- Name: commands_to_cancel; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX commands_to_cancel ON public.commands USING btree (device) WHERE ((cancel_requested_at IS NOT NULL) AND (state = ANY (ARRAY['sent'::text, 'acknowledged'::text])));


--
-- Name: commands_under_way; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX commands_under_way ON public.commands USING btree (expires_at) WHERE (state = ANY (ARRAY['sent'::text, 'acknowledged'::text, 'running'::text]));


--
-- Name: devices_by_label; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX devices_by_label ON public.devices USING gin (labels);


--
-- Name: devices_by_site; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX devices_by_site ON public.devices USING btree (site_id, device_id);


--
-- Name: devices_simulated; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX devices_simulated ON public.devices USING btree (device_id) WHERE (source = 'simulated'::text);


--
-- Name: enrollment_tokens_newest; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX enrollment_tokens_newest ON public.enrollment_tokens USING btree (created_at, token_id);


--
-- Name: error_groups_by_device; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX error_groups_by_device ON ONLY public.error_groups USING btree (device, hour) WHERE (device IS NOT NULL);


--
-- Name: error_groups_20261116_device_hour_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX error_groups_20261116_device_hour_idx ON public.error_groups_20261116 USING btree (device, hour) WHERE (device IS NOT NULL);


--
-- Name: error_groups_newest; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX error_groups_newest ON ONLY public.error_groups USING btree (hour, number);


--
-- Name: error_groups_20261116_hour_number_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX error_groups_20261116_hour_number_idx ON public.error_groups_20261116 USING btree (hour, number);


--
-- Name: error_groups_20261123_device_hour_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX error_groups_20261123_device_hour_idx ON public.error_groups_20261123 USING btree (device, hour) WHERE (device IS NOT NULL);


--
-- Name: error_groups_20261123_hour_number_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX error_groups_20261123_hour_number_idx ON public.error_groups_20261123 USING btree (hour, number);


--
-- Name: removed_devices_removed_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX removed_devices_removed_at ON public.removed_devices USING btree (removed_at);


--
-- Name: removed_devices_unswept; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX removed_devices_unswept ON public.removed_devices USING btree (device) WHERE (NOT swept);


--
-- Name: rollup_late_of_device; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX rollup_late_of_device ON public.rollup_late USING btree (device);


--
-- Name: run_devices_of_device; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX run_devices_of_device ON public.run_devices USING btree (device);


--
-- Name: run_devices_waiting; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX run_devices_waiting ON public.run_devices USING btree (run_id, device) WHERE ((command_id IS NULL) AND (skipped IS NULL));


--
-- Name: runs_by_key; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX runs_by_key ON public.runs USING btree (created_by, idempotency_key) WHERE (idempotency_key IS NOT NULL);


--
-- Name: runs_newest; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX runs_newest ON public.runs USING btree (created_at, run_id);


--
-- Name: runs_running; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX runs_running ON public.runs USING btree (run_id) WHERE (state = 'running'::text);


--
-- Name: samples_by_time; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX samples_by_time ON ONLY public.samples USING brin (collected_at) WITH (pages_per_range='32');


--
-- Name: samples_20261119_collected_at_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX samples_20261119_collected_at_idx ON public.samples_20261119 USING brin (collected_at) WITH (pages_per_range='32');


--
-- Name: samples_20261120_collected_at_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX samples_20261120_collected_at_idx ON public.samples_20261120 USING brin (collected_at) WITH (pages_per_range='32');


--
-- Name: samples_20261121_collected_at_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX samples_20261121_collected_at_idx ON public.samples_20261121 USING brin (collected_at) WITH (pages_per_range='32');


--
-- Name: samples_20261122_collected_at_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX samples_20261122_collected_at_idx ON public.samples_20261122 USING brin (collected_at) WITH (pages_per_range='32');


--
-- Name: samples_20261123_collected_at_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX samples_20261123_collected_at_idx ON public.samples_20261123 USING brin (collected_at) WITH (pages_per_range='32');


--
-- Name: samples_20261124_collected_at_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX samples_20261124_collected_at_idx ON public.samples_20261124 USING brin (collected_at) WITH (pages_per_range='32');


--
-- Name: samples_20261125_collected_at_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX samples_20261125_collected_at_idx ON public.samples_20261125 USING brin (collected_at) WITH (pages_per_range='32');


--
-- Name: samples_20261126_collected_at_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX samples_20261126_collected_at_idx ON public.samples_20261126 USING brin (collected_at) WITH (pages_per_range='32');


--
-- Name: samples_20261127_collected_at_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX samples_20261127_collected_at_idx ON public.samples_20261127 USING brin (collected_at) WITH (pages_per_range='32');


--
-- Name: samples_20261128_collected_at_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX samples_20261128_collected_at_idx ON public.samples_20261128 USING brin (collected_at) WITH (pages_per_range='32');


--
-- Name: samples_20261129_collected_at_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX samples_20261129_collected_at_idx ON public.samples_20261129 USING brin (collected_at) WITH (pages_per_range='32');


--
-- Name: sessions_changed; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX sessions_changed ON public.sessions USING btree (changed_at);


--
-- Name: sessions_contested; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX sessions_contested ON public.sessions USING btree (contested_until) WHERE (contested_since IS NOT NULL);


--
-- Name: sessions_flapping; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX sessions_flapping ON public.sessions USING btree (flapping_until) WHERE (flapping_since IS NOT NULL);


--
-- Name: sessions_online; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX sessions_online ON public.sessions USING btree (device) WHERE (status = 'online'::text);


--
-- Name: sessions_untold; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX sessions_untold ON public.sessions USING btree (changed_at) WHERE change_untold;


--
-- Name: user_activities_by_operator; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX user_activities_by_operator ON ONLY public.user_activities USING btree (operator, at, number);


--
-- Name: user_activities_20261116_operator_at_number_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX user_activities_20261116_operator_at_number_idx ON public.user_activities_20261116 USING btree (operator, at, number);


--
-- Name: user_activities_20261123_operator_at_number_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX user_activities_20261123_operator_at_number_idx ON public.user_activities_20261123 USING btree (operator, at, number);


--
-- Name: device_states_20261116_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.device_states_pkey ATTACH PARTITION public.device_states_20261116_pkey;


--
-- Name: device_states_20261123_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.device_states_pkey ATTACH PARTITION public.device_states_20261123_pkey;


--
-- Name: error_groups_20261116_device_hour_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.error_groups_by_device ATTACH PARTITION public.error_groups_20261116_device_hour_idx;


--
-- Name: error_groups_20261116_hour_number_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.error_groups_newest ATTACH PARTITION public.error_groups_20261116_hour_number_idx;


--
-- Name: error_groups_20261116_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.error_groups_pkey ATTACH PARTITION public.error_groups_20261116_pkey;


--
-- Name: error_groups_20261123_device_hour_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.error_groups_by_device ATTACH PARTITION public.error_groups_20261123_device_hour_idx;


--
-- Name: error_groups_20261123_hour_number_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.error_groups_newest ATTACH PARTITION public.error_groups_20261123_hour_number_idx;


--
-- Name: error_groups_20261123_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.error_groups_pkey ATTACH PARTITION public.error_groups_20261123_pkey;


--
-- Name: rollup_1h_20261101_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.rollup_1h_pkey ATTACH PARTITION public.rollup_1h_20261101_pkey;


--
-- Name: rollup_1m_20261116_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.rollup_1m_pkey ATTACH PARTITION public.rollup_1m_20261116_pkey;


--
-- Name: rollup_1m_20261123_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.rollup_1m_pkey ATTACH PARTITION public.rollup_1m_20261123_pkey;


--
-- Name: samples_20261119_collected_at_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.samples_by_time ATTACH PARTITION public.samples_20261119_collected_at_idx;


--
-- Name: samples_20261119_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.samples_pkey ATTACH PARTITION public.samples_20261119_pkey;


--
-- Name: samples_20261120_collected_at_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.samples_by_time ATTACH PARTITION public.samples_20261120_collected_at_idx;


--
-- Name: samples_20261120_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.samples_pkey ATTACH PARTITION public.samples_20261120_pkey;


--
-- Name: samples_20261121_collected_at_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.samples_by_time ATTACH PARTITION public.samples_20261121_collected_at_idx;


--
-- Name: samples_20261121_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.samples_pkey ATTACH PARTITION public.samples_20261121_pkey;


--
-- Name: samples_20261122_collected_at_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.samples_by_time ATTACH PARTITION public.samples_20261122_collected_at_idx;


--
-- Name: samples_20261122_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.samples_pkey ATTACH PARTITION public.samples_20261122_pkey;


--
-- Name: samples_20261123_collected_at_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.samples_by_time ATTACH PARTITION public.samples_20261123_collected_at_idx;


--
-- Name: samples_20261123_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.samples_pkey ATTACH PARTITION public.samples_20261123_pkey;


--
-- Name: samples_20261124_collected_at_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.samples_by_time ATTACH PARTITION public.samples_20261124_collected_at_idx;


--
-- Name: samples_20261124_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.samples_pkey ATTACH PARTITION public.samples_20261124_pkey;


--
-- Name: samples_20261125_collected_at_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.samples_by_time ATTACH PARTITION public.samples_20261125_collected_at_idx;


--
-- Name: samples_20261125_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.samples_pkey ATTACH PARTITION public.samples_20261125_pkey;


--
-- Name: samples_20261126_collected_at_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.samples_by_time ATTACH PARTITION public.samples_20261126_collected_at_idx;


--
-- Name: samples_20261126_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.samples_pkey ATTACH PARTITION public.samples_20261126_pkey;


--
-- Name: samples_20261127_collected_at_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.samples_by_time ATTACH PARTITION public.samples_20261127_collected_at_idx;


--
-- Name: samples_20261127_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.samples_pkey ATTACH PARTITION public.samples_20261127_pkey;


--
-- Name: samples_20261128_collected_at_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.samples_by_time ATTACH PARTITION public.samples_20261128_collected_at_idx;


--
-- Name: samples_20261128_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.samples_pkey ATTACH PARTITION public.samples_20261128_pkey;


--
-- Name: samples_20261129_collected_at_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.samples_by_time ATTACH PARTITION public.samples_20261129_collected_at_idx;


--
-- Name: samples_20261129_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.samples_pkey ATTACH PARTITION public.samples_20261129_pkey;


--
-- Name: user_activities_20261116_operator_at_number_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.user_activities_by_operator ATTACH PARTITION public.user_activities_20261116_operator_at_number_idx;


--
-- Name: user_activities_20261116_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.user_activities_pkey ATTACH PARTITION public.user_activities_20261116_pkey;


--
-- Name: user_activities_20261123_operator_at_number_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.user_activities_by_operator ATTACH PARTITION public.user_activities_20261123_operator_at_number_idx;


--
-- Name: user_activities_20261123_pkey; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.user_activities_pkey ATTACH PARTITION public.user_activities_20261123_pkey;


--
-- Name: commands commands_device_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.commands
    ADD CONSTRAINT commands_device_fkey FOREIGN KEY (device) REFERENCES public.devices(device) ON DELETE CASCADE;


--
-- Name: commands commands_run_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.commands
    ADD CONSTRAINT commands_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.runs(run_id);


--
-- Name: device_keys device_keys_device_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.device_keys
    ADD CONSTRAINT device_keys_device_fkey FOREIGN KEY (device) REFERENCES public.devices(device) ON DELETE CASCADE;


--
-- Name: device_latest device_latest_device_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.device_latest
    ADD CONSTRAINT device_latest_device_fkey FOREIGN KEY (device) REFERENCES public.devices(device) ON DELETE CASCADE;


--
-- Name: devices devices_site_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.devices
    ADD CONSTRAINT devices_site_id_fkey FOREIGN KEY (site_id) REFERENCES public.sites(site_id);


--
-- Name: enrollment_tokens enrollment_tokens_site_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.enrollment_tokens
    ADD CONSTRAINT enrollment_tokens_site_id_fkey FOREIGN KEY (site_id) REFERENCES public.sites(site_id);


--
-- Name: run_devices run_devices_device_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.run_devices
    ADD CONSTRAINT run_devices_device_fkey FOREIGN KEY (device) REFERENCES public.devices(device) ON DELETE CASCADE;


--
-- Name: run_devices run_devices_run_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.run_devices
    ADD CONSTRAINT run_devices_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.runs(run_id) ON DELETE CASCADE;


--
-- Name: sessions sessions_device_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_device_fkey FOREIGN KEY (device) REFERENCES public.devices(device) ON DELETE CASCADE;


--
-- PostgreSQL database dump complete
--


