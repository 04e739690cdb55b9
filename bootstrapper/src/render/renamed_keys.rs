//! Settings of cassandra.yaml that have two names. Cassandra 4.1 renamed many (units went from the name into
//! the value) and takes the old names still, but refuses to start if a file has both names of one setting.
//! So a layer that sets either name replaces what a lower layer set by the other.

/// Old and new names, as Cassandra 4.1 and 5.0 know them, sorted.
const RENAMED: &[(&str, &str)] = &[
    (
        "batch_size_fail_threshold_in_kb",
        "batch_size_fail_threshold",
    ),
    (
        "batch_size_warn_threshold_in_kb",
        "batch_size_warn_threshold",
    ),
    ("batchlog_replay_throttle_in_kb", "batchlog_replay_throttle"),
    ("cache_load_timeout_seconds", "cache_load_timeout"),
    ("cas_contention_timeout_in_ms", "cas_contention_timeout"),
    (
        "cdc_free_space_check_interval_ms",
        "cdc_free_space_check_interval",
    ),
    ("cdc_total_space_in_mb", "cdc_total_space"),
    ("column_index_cache_size_in_kb", "column_index_cache_size"),
    ("column_index_size_in_kb", "column_index_size"),
    ("commitlog_segment_size_in_mb", "commitlog_segment_size"),
    (
        "commitlog_sync_group_window_in_ms",
        "commitlog_sync_group_window",
    ),
    ("commitlog_sync_period_in_ms", "commitlog_sync_period"),
    ("commitlog_total_space_in_mb", "commitlog_total_space"),
    (
        "compaction_large_partition_warning_threshold",
        "partition_size_warn_threshold",
    ),
    (
        "compaction_large_partition_warning_threshold_mb",
        "compaction_large_partition_warning_threshold",
    ),
    ("compaction_throughput_mb_per_sec", "compaction_throughput"),
    (
        "compaction_tombstone_warning_threshold",
        "partition_tombstones_warn_threshold",
    ),
    ("counter_cache_size_in_mb", "counter_cache_size"),
    (
        "counter_write_request_timeout_in_ms",
        "counter_write_request_timeout",
    ),
    (
        "credentials_update_interval_in_ms",
        "credentials_update_interval",
    ),
    ("credentials_validity_in_ms", "credentials_validity"),
    ("cross_node_timeout", "internode_timeout"),
    (
        "dynamic_snitch_reset_interval_in_ms",
        "dynamic_snitch_reset_interval",
    ),
    (
        "dynamic_snitch_update_interval_in_ms",
        "dynamic_snitch_update_interval",
    ),
    (
        "enable_drop_compact_storage",
        "drop_compact_storage_enabled",
    ),
    ("enable_materialized_views", "materialized_views_enabled"),
    ("enable_sasi_indexes", "sasi_indexes_enabled"),
    (
        "enable_scripted_user_defined_functions",
        "scripted_user_defined_functions_enabled",
    ),
    (
        "enable_transient_replication",
        "transient_replication_enabled",
    ),
    (
        "enable_user_defined_functions",
        "user_defined_functions_enabled",
    ),
    (
        "enable_user_defined_functions_threads",
        "user_defined_functions_threads_enabled",
    ),
    ("file_cache_size_in_mb", "file_cache_size"),
    ("gc_log_threshold_in_ms", "gc_log_threshold"),
    ("gc_warn_threshold_in_ms", "gc_warn_threshold"),
    ("hinted_handoff_throttle_in_kb", "hinted_handoff_throttle"),
    ("hints_flush_period_in_ms", "hints_flush_period"),
    ("index_summary_capacity_in_mb", "index_summary_capacity"),
    (
        "index_summary_resize_interval_in_minutes",
        "index_summary_resize_interval",
    ),
    (
        "inter_dc_stream_throughput_outbound_megabits_per_sec",
        "inter_dc_stream_throughput_outbound",
    ),
    (
        "internode_application_receive_queue_capacity_in_bytes",
        "internode_application_receive_queue_capacity",
    ),
    (
        "internode_application_receive_queue_reserve_endpoint_capacity_in_bytes",
        "internode_application_receive_queue_reserve_endpoint_capacity",
    ),
    (
        "internode_application_receive_queue_reserve_global_capacity_in_bytes",
        "internode_application_receive_queue_reserve_global_capacity",
    ),
    (
        "internode_application_send_queue_capacity_in_bytes",
        "internode_application_send_queue_capacity",
    ),
    (
        "internode_application_send_queue_reserve_endpoint_capacity_in_bytes",
        "internode_application_send_queue_reserve_endpoint_capacity",
    ),
    (
        "internode_application_send_queue_reserve_global_capacity_in_bytes",
        "internode_application_send_queue_reserve_global_capacity",
    ),
    (
        "internode_max_message_size_in_bytes",
        "internode_max_message_size",
    ),
    (
        "internode_recv_buff_size_in_bytes",
        "internode_socket_receive_buffer_size",
    ),
    (
        "internode_send_buff_size_in_bytes",
        "internode_socket_send_buffer_size",
    ),
    (
        "internode_socket_receive_buffer_size_in_bytes",
        "internode_socket_receive_buffer_size",
    ),
    (
        "internode_socket_send_buffer_size_in_bytes",
        "internode_socket_send_buffer_size",
    ),
    (
        "internode_streaming_tcp_user_timeout_in_ms",
        "internode_streaming_tcp_user_timeout",
    ),
    (
        "internode_tcp_connect_timeout_in_ms",
        "internode_tcp_connect_timeout",
    ),
    (
        "internode_tcp_user_timeout_in_ms",
        "internode_tcp_user_timeout",
    ),
    ("key_cache_size_in_mb", "key_cache_size"),
    ("keyspace_count_warn_threshold", "keyspaces_warn_threshold"),
    ("max_hint_window_in_ms", "max_hint_window"),
    ("max_hints_file_size_in_mb", "max_hints_file_size"),
    ("max_mutation_size_in_kb", "max_mutation_size"),
    ("max_value_size_in_mb", "max_value_size"),
    ("memtable_heap_space_in_mb", "memtable_heap_space"),
    ("memtable_offheap_space_in_mb", "memtable_offheap_space"),
    ("min_free_space_per_drive_in_mb", "min_free_space_per_drive"),
    (
        "native_transport_idle_timeout_in_ms",
        "native_transport_idle_timeout",
    ),
    (
        "native_transport_max_concurrent_requests_in_bytes",
        "native_transport_max_request_data_in_flight",
    ),
    (
        "native_transport_max_concurrent_requests_in_bytes_per_ip",
        "native_transport_max_request_data_in_flight_per_ip",
    ),
    (
        "native_transport_max_frame_size_in_mb",
        "native_transport_max_frame_size",
    ),
    (
        "native_transport_receive_queue_capacity_in_bytes",
        "native_transport_receive_queue_capacity",
    ),
    ("networking_cache_size_in_mb", "networking_cache_size"),
    (
        "periodic_commitlog_sync_lag_block_in_ms",
        "periodic_commitlog_sync_lag_block",
    ),
    (
        "permissions_update_interval_in_ms",
        "permissions_update_interval",
    ),
    ("permissions_validity_in_ms", "permissions_validity"),
    (
        "prepared_statements_cache_size_mb",
        "prepared_statements_cache_size",
    ),
    ("range_request_timeout_in_ms", "range_request_timeout"),
    ("read_request_timeout_in_ms", "read_request_timeout"),
    ("repair_request_timeout_in_ms", "repair_request_timeout"),
    ("repair_session_space_in_mb", "repair_session_space"),
    ("request_timeout_in_ms", "request_timeout"),
    ("roles_update_interval_in_ms", "roles_update_interval"),
    ("roles_validity_in_ms", "roles_validity"),
    ("row_cache_size_in_mb", "row_cache_size"),
    ("slow_query_log_timeout_in_ms", "slow_query_log_timeout"),
    (
        "sstable_preemptive_open_interval_in_mb",
        "sstable_preemptive_open_interval",
    ),
    (
        "stream_throughput_outbound_megabits_per_sec",
        "stream_throughput_outbound",
    ),
    (
        "streaming_keep_alive_period_in_secs",
        "streaming_keep_alive_period",
    ),
    ("table_count_warn_threshold", "tables_warn_threshold"),
    ("tracetype_query_ttl", "trace_type_query_ttl"),
    ("tracetype_repair_ttl", "trace_type_repair_ttl"),
    ("trickle_fsync_interval_in_kb", "trickle_fsync_interval"),
    ("truncate_request_timeout_in_ms", "truncate_request_timeout"),
    (
        "user_defined_function_fail_timeout",
        "user_defined_functions_fail_timeout",
    ),
    (
        "user_defined_function_warn_timeout",
        "user_defined_functions_warn_timeout",
    ),
    (
        "validation_preview_purge_head_start_in_sec",
        "validation_preview_purge_head_start",
    ),
    ("write_request_timeout_in_ms", "write_request_timeout"),
];

/// The newest name of the setting that this is a name of.
pub(super) fn newest(name: &str) -> &str {
    let mut name = name;
    // The longest chain of renames has two links.
    for _ in 0..3 {
        match RENAMED.binary_search_by_key(&name, |(old, _)| old) {
            Ok(found) => name = RENAMED.get(found).map_or(name, |(_, new)| new),
            Err(_) => break,
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_has_no_name_twice() {
        assert!(RENAMED.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn every_name_leads_to_one_newest_name() {
        for (old, new) in RENAMED {
            assert_eq!(newest(old), newest(new));
            assert_eq!(newest(newest(old)), newest(old));
        }
        assert_eq!(newest("num_tokens"), "num_tokens");
    }
}
