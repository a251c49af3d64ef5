namespace EnvPlatform.Architecture.Tests;

/// <summary>Which project may reference which.</summary>
public sealed class ReferenceRules
{
    private static readonly string[] ServiceNames = [.. Repository.Services().Select(folder => Path.GetFileName(folder)!)];

    [Test]
    public void No_service_references_another()
    {
        var wrong =
            from service in ServiceNames
            from reference in Repository.References(Path.Combine(Repository.Root, "src", "Services", service, service + ".csproj"))
            where ServiceNames.Contains(reference)
            select $"{service} -> {reference}";
        Assert.That(ServiceNames, Has.Length.EqualTo(5));
        Assert.That(wrong, Is.Empty);
    }

    [Test]
    public void Contracts_reference_no_project_of_ours() =>
        Assert.That(Repository.References(Path.Combine(Repository.Root, "src/Contracts/Contracts.csproj")), Is.Empty);

    [Test]
    public void Only_the_relay_publishes()
    {
        var wrong = Repository.Sources("src")
            .Where(file => !file.EndsWith("OutboxRelay.cs", StringComparison.Ordinal))
            .Where(file => File.ReadAllText(file) is var text && (text.Contains("IPublishEndpoint", StringComparison.Ordinal)
                || text.Contains("ISendEndpointProvider", StringComparison.Ordinal)
                || text.Contains("bus.Publish(", StringComparison.Ordinal)
                || text.Contains("context.Publish(", StringComparison.Ordinal)))
            .Select(Repository.Relative);
        Assert.That(wrong, Is.Empty);
    }

    [Test]
    public void Every_program_is_a_table_of_contents() =>
        Assert.That(
            Repository.Services().Select(folder => Path.Combine(folder, "Program.cs")).Where(file => File.ReadLines(file).Count() > 60),
            Is.Empty);
}
