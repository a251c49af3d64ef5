using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Text.Json;

using EnvPlatform.Contracts.Events;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using MassTransit;

namespace EnvPlatform.Audit.AuditLogs;

/// <summary>
/// What a service may say of itself is appended; anything else is not, and leaves an event of its own in the operator's log. Who sent a
/// message is what the broker checked (https://www.rabbitmq.com/docs/validated-user-id), not what the message says.
/// </summary>
internal static class Believed
{
    public const string Refused = "audit_event_refused";

    private const string Service = "audit";
    private const string Unknown = "unknown";
    private const int MaxText = 100;

    private static readonly Counter<long> RefusedCount = Telemetry.Meter.CreateCounter<long>(
        "envplatform.audit.refused", "{event}", "Events that their sender may not say.");

    /// <returns>The events to append: those that are believed, and one for each kind of refusal in this batch.</returns>
    public static List<AuditEventOccurred> Of(IEnumerable<ConsumeContext<AuditEventOccurred>> messages, DateTimeOffset now)
    {
        var events = new List<AuditEventOccurred>();
        var refused = new Dictionary<(string Sender, string Service, string Action), List<ConsumeContext<AuditEventOccurred>>>();
        foreach (var message in messages)
        {
            var (said, sender) = (message.Message, SenderOf(message));
            if (IsWhole(said) && sender == said.Service && AuditActions.MaySay(sender, said.ActionKey))
            {
                events.Add(said);
                continue;
            }

            var kind = (sender ?? Unknown, Short(said.Service), Short(said.ActionKey));
            if (!refused.TryGetValue(kind, out var some))
            {
                refused[kind] = some = [];
            }

            some.Add(message);
        }

        events.AddRange(refused.Select(kind => OfRefusal(kind.Key.Sender, kind.Value, now)));
        return events;
    }

    /// <summary>A message need not be what its type says: it is read from JSON, in which anything may be missing.</summary>
    private static bool IsWhole(AuditEventOccurred? said) => said is
    {
        ActionKey: not null, Service: not null, Message: not null, Actor: { Id: not null, Type: not null },
        Target: { Id: not null, Type: not null },
    };

    /// <summary>The broker's user who sent it; null where the message says none, as no service of the platform does.</summary>
    private static string? SenderOf(ConsumeContext message) =>
        message.TryGetPayload(out RabbitMqBasicConsumeContext? received) && received.Properties.IsUserIdPresent()
            ? received.Properties.UserId
            : null;

    private static AuditEventOccurred OfRefusal(string sender, List<ConsumeContext<AuditEventOccurred>> some, DateTimeOffset now)
    {
        RefusedCount.Add(some.Count, new TagList { { "sender", sender } });
        var first = some[0].Message;

        // The message's own id: refused again after a failure, it is the same event.
        return new(
            some[0].MessageId ?? first.EventId, null, null, Refused, new(Service, null, Caller.SystemSubject),
            new(sender, null, Service == sender ? "service" : "broker_user"), Service,
            $"The user {sender} of the message broker sent {some.Count} events that it may not say.",
            JsonSerializer.SerializeToElement(
                new
                {
                    count = some.Count,
                    service = Short(first.Service),
                    action_key = Short(first.ActionKey),
                    organization_id = first.OrganizationId,
                    event_id = first.EventId,
                }, Json.Options),
            now, null, null, Activity.Current?.TraceId.ToString(), null);
    }

    private static string Short(string? text) => text is null ? "" : text.Length <= MaxText ? text : text[..MaxText];
}
