using System.Text.RegularExpressions;

namespace EnvPlatform.Architecture.Tests;

/// <summary>One name for one role.</summary>
public sealed partial class NameRules
{
    /// <summary>
    /// What the consumers of an event do, in every service. More than one verb only where services do different things: Scanner scans what
    /// was logged, Policy places it; Ingest copies a status, Policy drops its cached answers.
    /// </summary>
    private static readonly Dictionary<string, string[]> Verbs = new(StringComparer.Ordinal)
    {
        ["EnvironmentLogged"] = ["Scan", "Place"],
        ["EnvironmentRenamed"] = ["Rename"],
        ["EnvironmentRemoved"] = ["Forget"],
        ["EnvironmentMerged"] = ["Merge"],
        ["EnvironmentArchived"] = ["Archive"],
        ["EnvironmentScanned"] = ["Store"],
        ["FindingsChanged"] = ["Refresh"],
        ["EnvironmentStatusChanged"] = ["Store", "Drop"],
        ["DirectoryChanged"] = ["Note"],
        ["MachineRegistered"] = ["Store"],
        ["MachineTransferred"] = ["Transfer"],
        ["MachineRemoved"] = ["Forget"],
        ["TokenRevoked"] = ["Forget"],
        ["OrganizationErased"] = ["Erase"],
        ["AuditEventOccurred"] = ["Append"],
        ["ChannelsCounted"] = ["Store"],
        ["ArchiveRetentionChanged"] = ["Store"],
    };

    private static readonly (string File, string Text)[] Sources = [.. Repository.Sources("src")
        .Select(file => (Repository.Relative(file), File.ReadAllText(file)))];

    private static readonly (string File, string Name, string Event)[] Consumers =
    [
        .. from source in Sources
           from Match match in Consumer().Matches(source.Text)
           select (source.File, match.Groups["name"].Value, match.Groups["event"].Value),
    ];

    [Test]
    public void A_gRPC_server_is_named_for_its_service_with_Grpc_behind_and_is_in_a_file_of_its_name()
    {
        var servers =
            (from source in Sources
             from Match match in GrpcServer().Matches(source.Text)
             select (source.File, Name: match.Groups["name"].Value, Service: match.Groups["service"].Value)).ToArray();
        Assert.That(servers, Has.Length.GreaterThanOrEqualTo(5));
        Assert.That(
            servers.Where(server => server.Name != server.Service + "Grpc" || Path.GetFileNameWithoutExtension(server.File) != server.Name),
            Is.Empty);
        Assert.That(
            Sources.SelectMany(source => MapGrpc().Matches(source.Text)).Select(match => match.Groups["name"].Value),
            Is.EquivalentTo(servers.Select(server => server.Name)));
    }

    [Test]
    public void A_consumer_is_alone_in_a_file_of_its_name()
    {
        Assert.That(Consumers, Has.Length.GreaterThanOrEqualTo(14));
        Assert.That(Consumers.Where(consumer => Path.GetFileNameWithoutExtension(consumer.File) != consumer.Name), Is.Empty);
        Assert.That(Consumers.GroupBy(consumer => consumer.File).Where(file => file.Count() > 1).Select(file => file.Key), Is.Empty);
    }

    [Test]
    public void A_consumer_begins_with_the_verb_of_its_event() =>
        Assert.That(
            Consumers.Where(consumer => !Verbs.TryGetValue(consumer.Event, out var verbs)
                || !verbs.Any(verb => consumer.Name.StartsWith(verb, StringComparison.Ordinal))),
            Is.Empty, "Use the verb that other services use for the event, or add the event to the table.");

    [Test]
    public void No_verb_stays_in_the_table_that_no_consumer_has()
    {
        var used = Consumers.SelectMany(
            consumer => Verbs[consumer.Event].Where(verb => consumer.Name.StartsWith(verb, StringComparison.Ordinal)),
            (consumer, verb) => (consumer.Event, verb));
        Assert.That(Verbs.SelectMany(pair => pair.Value, (pair, verb) => (pair.Key, verb)).Except(used), Is.Empty);
    }

    [Test]
    public void The_definition_of_a_consumer_is_nested_in_it()
    {
        var definitions =
            (from source in Sources
             from Match match in DefinitionClass().Matches(source.Text)
             where !match.Groups["modifiers"].Value.Contains("abstract", StringComparison.Ordinal)
             select (source.File, Indent: match.Groups["indent"].Value, Name: match.Groups["name"].Value, Of: match.Groups["of"].Value))
                .ToArray();
        Assert.That(definitions, Is.Not.Empty);
        Assert.That(
            definitions.Where(definition => definition.Name != "Definition" || definition.Indent.Length == 0
                || Path.GetFileNameWithoutExtension(definition.File) != definition.Of), Is.Empty);
        var registered = Sources.SelectMany(source => AddConsumer().Matches(source.Text)).ToArray();
        Assert.That(
            registered.Where(match => match.Groups["definition"].Success
                && match.Groups["definition"].Value != match.Groups["name"].Value + ".Definition").Select(match => match.Value), Is.Empty);
        Assert.That(
            definitions.Select(definition => definition.Of),
            Is.EquivalentTo(registered.Where(match => match.Groups["definition"].Success).Select(match => match.Groups["name"].Value)),
            "a definition that is not registered has no effect");
    }

    [Test]
    public void Endpoints_ask_for_access_and_roles_are_what_subjects_have() =>
        Assert.That(Sources.Where(source => AccessByRole().IsMatch(source.Text)).Select(source => source.File), Is.Empty,
            "RequireAuthorization takes a Permission or a policy of Access.");

    [Test]
    public void The_slice_to_imitate_exists_and_is_named()
    {
        Assert.That(Repository.Document("CONTRIBUTING.md"), Does.Contain("src/Services/Ingest/Environments/RemoveEnvironment.cs"));
        var slice = Repository.Document("src/Services/Ingest/Environments/RemoveEnvironment.cs");
        Assert.That(File.ReadLines(Path.Combine(Repository.Root, "src/Services/Ingest/Environments/RemoveEnvironment.cs")).Count(),
            Is.InRange(25, 120));
        foreach (var part in new[]
        {
            "internal static class RemoveEnvironment", ".RequireAuthorization(Permission.", ".WithName(nameof(",
            ".WithSummary(", "Task<Results<", "Caller caller", "db.BeginAsync(ct)", "tx.Publish(", "tx.Audit(", "tx.CommitAsync()",
            "private sealed record Row("
        })
        {
            Assert.That(slice, Does.Contain(part));
        }
    }

    [GeneratedRegex(@"class (?<name>\w+)(\([^{;]*?\))?\s*:\s*[^{;]*?\bIConsumer<(Batch<)?(?<event>\w+)>", RegexOptions.ExplicitCapture)]
    private static partial Regex Consumer();

    [GeneratedRegex(@"class (?<name>\w+)(\([^{;]*?\))?\s*:\s*[\w.]*?\b(?<service>\w+)\.\k<service>Base\b", RegexOptions.ExplicitCapture)]
    private static partial Regex GrpcServer();

    [GeneratedRegex(@"MapGrpcService<(?<name>\w+)>", RegexOptions.ExplicitCapture)]
    private static partial Regex MapGrpc();

    [GeneratedRegex(
        @"^(?<indent> *)(?<modifiers>[a-z ]+) class (?<name>\w+)(<\w+>)?(\([^{;]*?\))?\s*"
        + @":\s*([\w.]+\.)?(ConsumerDefinition|BatchDefinition)<(?<of>\w+)>",
        RegexOptions.ExplicitCapture | RegexOptions.Multiline)]
    private static partial Regex DefinitionClass();

    [GeneratedRegex(@"AddConsumer<(?<name>\w+)(, (?<definition>[\w.]+))?>", RegexOptions.ExplicitCapture)]
    private static partial Regex AddConsumer();

    [GeneratedRegex(@"RequireAuthorization\(\s*Roles\.", RegexOptions.ExplicitCapture)]
    private static partial Regex AccessByRole();
}
