using System.Reflection;
using System.Text.RegularExpressions;

using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Messaging;

namespace EnvPlatform.Architecture.Tests;

/// <summary>
/// What events say of their publishers and consumers is what the code does: the broker lets services do no more, and the audit log believes
/// no more.
/// </summary>
public sealed partial class BrokerRules
{
    private static readonly Type[] Events = [.. typeof(EventAttribute).Assembly.GetExportedTypes()
        .Where(type => type.Namespace == typeof(AuditEventOccurred).Namespace && type.GetCustomAttribute<EventAttribute>() is not null)];

    private static readonly (string Service, string Text)[] Sources =
    [
        // The formats of the audit log name the actions of others, which they say nothing of.
        .. Repository.Sources("src")
            .Concat(Repository.Services().SelectMany(service => Directory.EnumerateFiles(Path.Combine(service, "Migrations"), "*.sql")))
            .Where(file => !Repository.Relative(file).StartsWith("src/Services/Audit/Formats/", StringComparison.Ordinal))
            .Select(file => (Path: Repository.Relative(file).Split('/'), File: file))
            .Select(source => (Service: source.Path is ["src", "Services", var name, ..] ? name : source.Path is ["src", "Gateway", ..]
                ? "Gateway" : "", source.File))
            .Where(source => source.Service.Length > 0).Select(source => (source.Service.ToLowerInvariant(), File.ReadAllText(source.File)))
    ];

    [Test]
    public void Every_event_says_who_publishes_and_who_consumes_it()
    {
        Assert.That(Events, Has.Length.GreaterThan(8));
        Assert.Multiple(() =>
        {
            foreach (var type in Events)
            {
                var traffic = type.GetCustomAttribute<EventAttribute>()!;
                Assert.That(
                    traffic.ConsumedBy, Is.EquivalentTo(ServicesWith($@"IConsumer<(Batch<)?{type.Name}>")), $"{type.Name}: consumed by");
                if (type != typeof(AuditEventOccurred))
                {
                    Assert.That(
                        traffic.PublishedBy,
                        Is.EquivalentTo(ServicesWith($@"new {type.Name}\(|\bstatic {type.Name} |into outbox[^;]*'{type.Name}'")),
                        $"{type.Name}: published by");
                }
            }
        });
    }

    [Test]
    public void A_service_says_only_what_the_audit_log_believes_it()
    {
        var said = Sources.SelectMany(source => Action().Matches(source.Text).Select(match => match.Groups["action"].Value)
                .Where(AuditActions.CategoryOf.ContainsKey).Select(action => (source.Service, action)))
            .Distinct().ToArray();
        Assert.That(said, Has.Length.GreaterThan(35));
        Assert.That(said.Where(pair => !AuditActions.MaySay(pair.Service, pair.action)), Is.Empty);
    }

    [TestCase("permission_denied", "identity", "ingest", "scanner", "policy", "audit")]
    [TestCase("quota_exceeded", "identity", "ingest", "scanner", "policy", "audit")]
    [TestCase("vex_import_refused", "identity", "scanner", Description = "gateways tell Identity")]
    [TestCase("advisories_import_refused", "identity", "scanner")]
    [TestCase("vex_imported", "scanner")]
    [TestCase("feed_sync_completed", "scanner")]
    public void A_refusal_is_believed_of_the_service_that_refused(string action, params string[] services)
    {
        string[] all = ["identity", "ingest", "scanner", "policy", "audit"];
        Assert.That(all.Where(service => AuditActions.MaySay(service, action)), Is.EqualTo(services));
    }

    [TestCase("scanner", "EnvPlatform.Contracts.Events:EnvironmentScanned", true, false)]
    [TestCase("scanner", "EnvPlatform.Contracts.Events:EnvironmentLogged", false, true)]
    [TestCase("scanner", "EnvPlatform.Contracts.Events:AuditEventOccurred", true, false)]
    [TestCase("scanner", "EnvPlatform.Contracts.Events:TokenRevoked", false, false)]
    [TestCase("scanner", "scanner-scan-environment", true, true)]
    [TestCase("scanner", "scanner-scan-environment_error", true, true)]
    [TestCase("scanner", "audit-append-events", false, false)]
    [TestCase("scanner", "x-scanner-scan-environment", false, false)]
    [TestCase("gateway", "EnvPlatform.Contracts.Events:TokenRevoked", false, true)]
    [TestCase("gateway", "EnvPlatformXContracts.Events:TokenRevoked", false, false)]
    [TestCase("audit", "", false, false, Description = "the default exchange, which reaches every queue")]
    public void The_broker_is_told_what_a_service_may_do(string service, string name, bool writes, bool reads)
    {
        var rights = BrokerRights.Of(service);
        Assert.That(Regex.IsMatch(name, rights.Write), Is.EqualTo(writes), "write");
        Assert.That(Regex.IsMatch(name, rights.Read), Is.EqualTo(reads), "read");
        Assert.That(Regex.IsMatch(name, rights.Configure), Is.EqualTo(writes || reads), "configure");
    }

    private static string[] ServicesWith(string pattern) =>
        [.. Sources.Where(source => Regex.IsMatch(source.Text, pattern)).Select(source => source.Service).Distinct()];

    [GeneratedRegex("\"(?<action>[a-z]+(_[a-z]+)+)\"", RegexOptions.ExplicitCapture)]
    private static partial Regex Action();
}
