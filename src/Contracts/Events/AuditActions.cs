using System.Collections.Frozen;

namespace EnvPlatform.Contracts.Events;

/// <summary>The catalogue of audit events: each action key and its category. The display name is the key in title case.</summary>
public static class AuditActions
{
    public static FrozenDictionary<string, string> CategoryOf { get; } = new Dictionary<string, string[]>(StringComparer.Ordinal)
    {
        ["audit_log"] =
        [
            "audit_log_export_requested", "audit_log_export_downloaded", "audit_log_key_created", "audit_event_refused",
            "audit_sink_created", "audit_sink_updated", "audit_sink_deleted", "audit_sink_paused", "audit_sink_resumed",
            "audit_sink_stopped", "audit_sink_tested", "audit_sink_replayed", "audit_sink_secret_created",
        ],
        ["channel"] =
        [
            "channel_created", "channel_updated", "channel_deleted", "group_assigned_to_channel", "group_unassigned_from_channel",
            "channel_access_updated",
        ],
        ["organization"] =
        [
            "organization_created", "organization_updated", "organization_deleted", "organization_restored", "organization_erased",
            "organization_user_added", "organization_user_removed", "organization_user_updated", "organization_user_suspended",
            "organization_user_resumed", "organization_user_reinstated", "organization_user_left", "invitation_created",
            "invitation_resent", "invitation_revoked", "invitation_accepted", "invitation_declined", "invitation_expired",
            "invitation_failed",
            "authentication_success", "authentication_failure", "step_up_failed", "operator_credentials_issued", "permission_denied",
            "quota_exceeded",
        ],
        ["policy"] =
        [
            "policy_assigned", "policy_created", "policy_deleted", "policy_unassigned", "policy_updated", "policy_statuses_changed",
            "exception_requested", "exception_granted", "exception_refused", "exception_withdrawn", "exception_revoked",
            "exception_expired",
        ],
        ["product"] = ["product_assigned", "product_revoked"],
        ["service_account"] =
        [
            "service_account_created", "service_account_deleted", "service_account_updated", "service_account_secret_created",
            "service_account_secret_deleted", "service_account_trust_added", "service_account_trust_removed", "service_account_expiring",
            "service_account_secret_expiring",
        ],
        ["group"] =
        [
            "user_added_to_group", "user_group_created", "user_group_updated", "user_group_deleted", "user_removed_from_group",
        ],
        ["token"] = ["token_created", "token_revoked", "token_shortened", "token_expiring", "session_revoked", "password_changed"],
        ["machine"] =
        [
            "machine_registered", "machine_registration_failed", "machine_removed", "machine_transferred", "enrolment_key_created",
            "enrolment_key_revoked", "enrolment_key_used",
        ],
        ["environment"] =
        [
            "environment_logged", "environment_updated", "environment_renamed", "environment_removed", "environment_merged",
            "environment_scanned", "environment_status_changed", "environment_archived", "environment_unarchived", "sbom_exported",
            "activation_warned", "activation_blocked",
        ],
        ["vulnerability"] =
        [
            "vulnerability_curated", "vulnerability_curation_expired", "vex_imported", "vex_import_refused", "vex_exported",
            "advisories_imported", "advisories_import_refused", "feed_sync_requested", "feed_sync_started", "feed_sync_completed",
            "feed_sync_failed",
        ],
    }.SelectMany(category => category.Value.Select(action => (action, category.Key)))
     .ToFrozenDictionary(pair => pair.action, pair => pair.Key, StringComparer.Ordinal);

    /// <summary>Keys that clients of the audit API know from elsewhere, with the same meaning; all others are this platform's.</summary>
    private static readonly FrozenSet<string> Common = FrozenSet.Create(
        StringComparer.Ordinal,
        "audit_log_export_requested", "audit_log_export_downloaded", "channel_created", "channel_deleted", "group_assigned_to_channel",
        "group_unassigned_from_channel", "invitation_created", "organization_updated", "organization_user_added",
        "organization_user_removed", "organization_user_updated", "authentication_success", "authentication_failure", "policy_assigned",
        "policy_created", "policy_deleted", "policy_unassigned", "policy_updated", "product_assigned", "product_revoked",
        "service_account_created", "service_account_deleted", "service_account_updated", "user_added_to_group", "user_group_created",
        "user_group_deleted", "user_removed_from_group", "token_created", "token_revoked");

    /// <summary>The service that says the actions of a category; <see cref="Others"/> has those of which it is another.</summary>
    private static readonly FrozenDictionary<string, string> ServiceOf = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["audit_log"] = "audit",
        ["channel"] = "identity",
        ["organization"] = "identity",
        ["policy"] = "policy",
        ["product"] = "identity",
        ["service_account"] = "identity",
        ["group"] = "identity",
        ["token"] = "identity",
        ["machine"] = "identity",
        ["environment"] = "ingest",
        ["vulnerability"] = "scanner",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    private static readonly FrozenDictionary<string, string> Others = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["environment_scanned"] = "scanner",
        ["environment_status_changed"] = "policy",
        ["activation_warned"] = "policy",
        ["activation_blocked"] = "policy",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>What any service may have refused.</summary>
    private static readonly FrozenSet<string> OfAny = FrozenSet.Create(StringComparer.Ordinal, "permission_denied", "quota_exceeded");

    /// <summary>What Identity says too, because gateways tell it what they refused by themselves.</summary>
    private static readonly FrozenSet<string> OfGateways = FrozenSet.Create(
        StringComparer.Ordinal, "vex_import_refused", "advisories_import_refused");

    /// <summary>
    /// The version of the platform that wrote an action first; null for one that clients know from elsewhere, and for one that is not in
    /// the catalogue.
    /// </summary>
    public static string? SinceOf(string action) => CategoryOf.ContainsKey(action) && !Common.Contains(action) ? "0.1.0" : null;

    /// <summary>
    /// Whether the audit log believes a service that it did something. An action that is not in the catalogue is one of a newer version of
    /// its service, and is believed.
    /// </summary>
    public static bool MaySay(string service, string actionKey) =>
        !CategoryOf.TryGetValue(actionKey, out var category) || OfAny.Contains(actionKey)
        || (service == ServiceOf["organization"] && OfGateways.Contains(actionKey))
        || string.Equals(Others.GetValueOrDefault(actionKey) ?? ServiceOf[category], service, StringComparison.Ordinal);

    /// <summary>The verb of an action: its last word, as in <c>environment_logged</c> → <c>logged</c>.</summary>
    public static string VerbOf(string actionKey)
    {
        ArgumentNullException.ThrowIfNull(actionKey);
        return actionKey[(actionKey.LastIndexOf('_') + 1)..];
    }
}
