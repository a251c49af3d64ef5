using System.Reflection;
using System.Text.RegularExpressions;

namespace EnvPlatform.Contracts.Messaging;

/// <summary>
/// What a service may do on the broker, as RabbitMQ's three regular expressions over the names of exchanges and queues. Its own queues
/// begin with its name; each event has an exchange. It writes to the exchanges of the events that it publishes and reads from those that it
/// receives. To configure one that it uses it must be allowed, since clients declare exchanges before they use them.
/// </summary>
/// <param name="Configure">What it may declare and delete.</param>
/// <param name="Write">What it may publish to, and bind to something.</param>
/// <param name="Read">What it may consume, and bind something to.</param>
public sealed record BrokerRights(string Configure, string Write, string Read)
{
    private static readonly (Type Type, EventAttribute Traffic)[] Events =
    [
        .. typeof(EventAttribute).Assembly.GetExportedTypes()
            .Select(type => (type, traffic: type.GetCustomAttribute<EventAttribute>()!)).Where(pair => pair.traffic is not null)
    ];

    /// <param name="service">The name of the service, which is that of its user.</param>
    /// <param name="prefix">A regular expression for what may stand before every name; empty for nothing.</param>
    public static BrokerRights Of(string service, string prefix = "")
    {
        var own = Regex.Escape(service) + "-.*";
        var published = Exchanges(traffic => traffic.PublishedBy is [] || traffic.PublishedBy.Contains(service));
        var consumed = Exchanges(traffic => traffic.ConsumedBy.Contains(service));
        return new(Any([own, .. published, .. consumed]), Any([own, .. published]), Any([own, .. consumed]));

        string Any(IEnumerable<string> names) => $"^{prefix}({string.Join('|', names.Distinct(StringComparer.Ordinal))})$";
    }

    /// <summary>The exchange of an event: the namespace, a colon and the name of its type, as MassTransit names it.</summary>
    private static IEnumerable<string> Exchanges(Func<EventAttribute, bool> isUsed) =>
        Events.Where(pair => isUsed(pair.Traffic)).Select(pair => Regex.Escape($"{pair.Type.Namespace}:{pair.Type.Name}"));
}
