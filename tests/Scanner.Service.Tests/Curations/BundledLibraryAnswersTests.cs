using System.Text.Json;

using EnvPlatform.Contracts.Scanner;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

using Grpc.Net.Client;

namespace EnvPlatform.Scanner.Service.Tests.Curations;

/// <summary>
/// An advisory about a library inside a wheel does not affect conda's build where the environment holds conda's package of the library:
/// everywhere the same, and for each organization until it says otherwise.
/// </summary>
public sealed class BundledLibraryAnswersTests : BundledLibraryFixture
{
    [Test]
    public async Task Every_answer_holds_the_conda_build_not_affected_and_the_wheel_affected()
    {
        var conda = await LogAsync(Bob, Machine, "/opt/agree-conda", Cryptography, OpenSsl);
        var both = await LogAsync(Bob, Machine, "/opt/agree-both", Cryptography, OpenSsl, PyPi("cryptography", "45.0.5"));
        var without = await LogAsync(Bob, Machine, "/opt/agree-without", Cryptography);
        var elsewhere = await LogAsync(
            Bob, Machine, "/opt/agree-elsewhere", Cryptography with { Channel = "https://conda.example.net/own" }, OpenSsl);
        var set = await ScannedAsync(conda);
        await CountsBecomeAsync(conda, 1, 5.3m);
        foreach (var id in new[] { both, without, elsewhere })
        {
            await CountsBecomeAsync(id, 2, 9.8m);
        }

        var item = (await GetAllAsync(Ada, $"environments/{conda}/vulnerabilities?status=not_affected", 10)).Single();
        var package = item.GetProperty("packages").EnumerateArray().Single();
        var curation = package.GetProperty("platform_curation");
        Assert.Multiple(async () =>
        {
            Assert.That(await ShownAsync(conda), Is.EqualTo(new[] { OwnCode }));
            Assert.That((Id(item), item.GetProperty("status").GetString()), Is.EqualTo((InWheel, "not_affected")));
            Assert.That(item.GetProperty("curated_at").ValueKind, Is.EqualTo(JsonValueKind.Null), "no person has judged it");
            Assert.That(curation.GetProperty("library").GetString(), Is.EqualTo("OpenSSL"));
            Assert.That(curation.GetProperty("provided_by")[0].GetString(), Is.EqualTo("openssl"));
            Assert.That(curation.GetProperty("reason").GetString(), Does.Contain("inside the wheels of cryptography")
                .And.Contains("openssl of this environment"));
            Assert.That(
                (await GetAllAsync(Ada, $"environments/{conda}/vulnerabilities", 10)).Single()
                    .GetProperty("packages")[0].GetProperty("platform_curation").ValueKind, Is.EqualTo(JsonValueKind.Null));
        });

        var statuses = await GetAllAsync(Ada, $"environments/{both}/vulnerabilities?status=all", 10);
        Assert.That(
            statuses.Single(one => Id(one) == InWheel).GetProperty("packages").EnumerateArray()
                .Select(one => $"{one.GetProperty("manager")} {one.GetProperty("status")}").Order(),
            Is.EqualTo(new[] { "conda not_affected", "pypi reported" }));
        Assert.That((await StatusAsync(both, InWheel)).Status, Is.EqualTo("reported"), "the most urgent of the two");
        Assert.That((await StatusAsync(without, InWheel)).Status, Is.EqualTo("reported"), "nothing else provides OpenSSL");
        Assert.That(
            (await StatusAsync(elsewhere, InWheel)).Status, Is.EqualTo("reported"), "nobody knows what that channel's build carries");
        Assert.That(await CriticalsAsync(set), Is.EqualTo(new[] { 0, 0 }), "what Ingest shows by package");
        Assert.That(await EnvironmentsOfAsync("vulnerabilities"), Is.EqualTo(3));
        Assert.That(await EnvironmentsOfAsync("vulnerabilities?package=cryptography"), Is.EqualTo(3));
        Assert.That(await EnvironmentsOfAsync("vulnerabilities?status=not_affected"), Is.EqualTo(2));
        Assert.That(await EnvironmentsOfAsync("vulnerabilities?status=not_affected&package=cryptography"), Is.EqualTo(2));
        Assert.That(await EnvironmentsOfAsync("vulnerabilities?status=all"), Is.EqualTo(4), "each environment once");
        Assert.That((await GetAsync(Ada, $"vulnerabilities/{InWheel}")).GetProperty("environments").GetInt32(), Is.EqualTo(3));
        Assert.That(
            (await GetAsync(Ada, $"search?q={InWheel}")).GetProperty("vulnerabilities")[0].GetProperty("environments").GetInt32(),
            Is.EqualTo(3));
        Assert.That(
            (await GetAllAsync(Ada, $"vulnerabilities/{InWheel}/environments", 1)).Select(Id),
            Is.EquivalentTo(new[] { both, without, elsewhere }.Select(id => id.ToString())));
        Assert.That(
            (await GetAllAsync(Ada, $"vulnerabilities/{InWheel}/environments?status=not_affected", 1)).Select(Id),
            Is.EquivalentTo(new[] { both, conda }.Select(id => id.ToString())));
        Assert.That(
            (await GetAllAsync(Ada, $"vulnerabilities/{InWheel}/environments?status=all", 10)).Select(Id),
            Is.EquivalentTo(new[] { both, conda, without, elsewhere }.Select(id => id.ToString())));
        using var refused = await SendAsync(HttpMethod.Get, Ada, $"vulnerabilities/{InWheel}/environments?status=wrong");
        Assert.That((int)refused.StatusCode, Is.EqualTo(400));
        using var scan = await SendAsync(HttpMethod.Post, Bob, $"environments/{conda}/scan");
        Assert.That((await OkAsync(scan)).GetProperty("total").GetInt32(), Is.EqualTo(1), "matching again changes nothing");
        Assert.That(
            (await GetAsync(Ada, $"environments/{conda}/upgrades")).GetProperty("items")[0].GetProperty("clears").EnumerateArray()
                .Select(one => one.GetString()), Is.EqualTo(new[] { OwnCode }));
    }

    private async Task<long> EnvironmentsOfAsync(string path) =>
        (await GetAllAsync(Ada, path, 100)).SingleOrDefault(one => Id(one) == InWheel) is { ValueKind: JsonValueKind.Object } found
            ? found.GetProperty("environments").GetInt64() : 0;

    private async Task<int[]> CriticalsAsync(long set)
    {
        using var channel = GrpcChannel.ForAddress(Scanner.GrpcAddress);
        using var call = new Findings.FindingsClient(channel).GetPackageFindings(
            new() { OrganizationId = Organization.Id.ToString(), PackageSetId = set }, new Grpc.Core.Metadata
            {
                {
                    Assertion.Header,
                    Assertion.OfService("ingest", TimeProvider.System.GetUtcNow()).Sign(ServiceFixture<ScannerOptions>.KeyOf("ingest"))
                },
            });
        var counts = new List<int>();
        while (await call.ResponseStream.MoveNext(default))
        {
            counts.AddRange(call.ResponseStream.Current.Packages.Select(package => package.Critical));
        }

        return [.. counts];
    }
}
