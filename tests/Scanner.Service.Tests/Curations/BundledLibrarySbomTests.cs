using System.Text.Json.Nodes;

using EnvPlatform.Testing;

namespace EnvPlatform.Scanner.Service.Tests.Curations;

/// <summary>An SBOM states what the platform holds not affected, and why.</summary>
public sealed class BundledLibrarySbomTests : BundledLibraryFixture
{
    [Test]
    public async Task What_only_a_wheel_carries_is_not_affected_in_the_document()
    {
        await using var asking = await StartAskingIngestAsync();
        var id = await LogAsync(Bob, Machine, "/sbom/wheel", Cryptography, OpenSsl);
        await ScannedAsync(id);
        var document = JsonNode.Parse(
            (await asking.GetAsync(Bob, $"environments/{id}/sbom?format=cyclonedx&vulnerabilities=true")).GetRawText())!;
        Assert.That(await CycloneDxSchema.ValidateAsync(document.ToJsonString()), Is.EqualTo("null"));
        var inWheel = document["vulnerabilities"]!.AsArray().Single(one => (string)one!["id"]! == InWheel)!;
        Assert.Multiple(() =>
        {
            Assert.That((string)inWheel["analysis"]!["state"]!, Is.EqualTo("not_affected"));
            Assert.That((string)inWheel["analysis"]!["justification"]!, Is.EqualTo("code_not_present"));
            Assert.That((string)inWheel["analysis"]!["detail"]!, Does.Contain("openssl"));
            Assert.That(document["vulnerabilities"]!.AsArray().Single(one => (string)one!["id"]! == OwnCode)!["analysis"], Is.Null);
        });
    }
}
