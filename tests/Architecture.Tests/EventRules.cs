using System.Collections;
using System.Reflection;
using System.Text.Json;
using System.Text.RegularExpressions;

using EnvPlatform.Contracts.Events;
using EnvPlatform.ServiceDefaults;

namespace EnvPlatform.Architecture.Tests;

/// <summary>
/// Events change only by added nullable members: each reads the JSON that was approved when it was created, and writes it back unchanged.
/// </summary>
public sealed partial class EventRules
{
    private static readonly string Approved = Path.Combine(Repository.Root, "tests", "Architecture.Tests", "Events");

    private static IEnumerable<Type> Events =>
        typeof(EnvironmentLogged).Assembly.GetExportedTypes()
            .Where(type => type.Namespace == typeof(EnvironmentLogged).Namespace && type is { IsClass: true, IsAbstract: false }
                && type.Name is not ("AuditActor" or "AuditTarget"));

    [TestCaseSource(nameof(Events))]
    public void Reads_and_writes_the_approved_JSON(Type type)
    {
        var file = Path.Combine(Approved, type.Name + ".json");
        Assert.That(file, Does.Exist, $"Approve an example of {type.Name}.");
        var approved = JsonDocument.Parse(File.ReadAllText(file)).RootElement;
        var value = approved.Deserialize(type, Json.Options);
        Assert.That(JsonElement.DeepEquals(JsonSerializer.SerializeToElement(value, type, Json.Options), approved), Is.True,
            JsonSerializer.Serialize(value, type, Json.Options));
    }

    [TestCaseSource(nameof(Events))]
    public void Is_a_record_of_the_past_with_utc_times(Type type)
    {
        Assert.That(type.IsSealed, Is.True);
        Assert.That(type.Name, Does.Match("(ed|Occurred)$"));
        Assert.That(
            type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(property => property.PropertyType == typeof(DateTime)),
            Is.Empty);
    }

    [TestCaseSource(nameof(Events))]
    public void Has_a_consumer_because_publishing_is_mandatory(Type type)
    {
        var consumer = new Regex($@"IConsumer<(Batch<)?{type.Name}>");
        Assert.That(Repository.Sources("src").Any(file => consumer.IsMatch(File.ReadAllText(file))), Is.True);
    }

    [TestCaseSource(nameof(Events))]
    public void Is_in_the_document_of_events(Type type) =>
        Assert.That(Repository.Document("docs/events.md"), Does.Contain($"`{type.Name}`"));

    [Test]
    public void Every_action_that_a_service_audits_is_in_the_catalogue()
    {
        var used = Repository.Sources("src").SelectMany(file => AuditCall().Matches(File.ReadAllText(file)))
            .Select(match => match.Groups["key"].Value).Distinct().ToArray();
        Assert.That(used, Is.Not.Empty);
        Assert.That(used.Where(key => !AuditActions.CategoryOf.ContainsKey(key)), Is.Empty);
        Assert.That((IEnumerable)AuditActions.CategoryOf.Keys.Where(
            key => !Repository.Document("docs/events.md").Contains($"`{key}`", StringComparison.Ordinal)), Is.Empty);
    }

    [GeneratedRegex(
        @"Audit(Given)?\(\s*(tx, )?[\w.]+(\([^)]*\))?,\s*[\w.]+(\(\))?,\s*(\w+ \? )?""(?<key>[a-z_]+)""", RegexOptions.ExplicitCapture)]
    private static partial Regex AuditCall();
}
