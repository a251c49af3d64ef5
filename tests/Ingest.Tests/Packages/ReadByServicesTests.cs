using System.Text.Json;

using EnvPlatform.Contracts.Ingest;
using EnvPlatform.Contracts.Packages;
using EnvPlatform.Ingest.Packages;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

using Grpc.Core;
using Grpc.Net.Client;

namespace EnvPlatform.Ingest.Tests.Packages;

/// <summary>What other services read from Ingest by gRPC, and the packages of an environment while Scanner is unavailable.</summary>
public sealed class ReadByServicesTests : IngestFixture
{
    private GrpcChannel _channel = null!;

    [OneTimeSetUp]
    public void Connect() => _channel = GrpcChannel.ForAddress(Service.GrpcAddress);

    [OneTimeTearDown]
    public void Disconnect() => _channel?.Dispose();

    private static Metadata AsService() =>
        new() { { Assertion.Header.ToLowerInvariant(), Assertion.OfService("scanner", TimeProvider.System.GetUtcNow())
            .Sign(ServiceFixture<IngestOptions>.KeyOf("scanner")) } };

    private async Task<List<PackagePage>> ReadAsync(long set, Metadata headers)
    {
        using var call = new PackageSets.PackageSetsClient(_channel).GetPackageSet(new() { PackageSetId = set }, headers);
        var pages = new List<PackagePage>();
        while (await call.ResponseStream.MoveNext(default))
        {
            pages.Add(call.ResponseStream.Current);
        }

        return pages;
    }

    private async Task<long> LogAndFindSetAsync(PackageEntry[] packages, string prefix)
    {
        var id = (await LoggedAsync(Bob, Body(packages, prefix))).GetProperty("environment_id").GetGuid();
        return await ScalarAsync<long>("select package_set_id from environments where environment_id = @id", new { id });
    }

    [Test]
    public async Task A_package_set_comes_in_pages_ordered_by_package()
    {
        var packages = Enumerable.Range(0, 2_500).Select(i => i % 2 == 0 ? Conda($"p{i}", "1") : Pypi($"p{i}", "2")).ToArray();
        var pages = await ReadAsync(await LogAndFindSetAsync(packages, "/grpc/large"), AsService());
        var read = pages.SelectMany(page => page.Packages).ToArray();
        Assert.Multiple(() =>
        {
            Assert.That(pages.Select(page => page.Packages.Count), Is.EqualTo(new[] { 1_000, 1_000, 500 }));
            Assert.That(read.Select(package => package.PackageId), Is.Ordered);
            Assert.That(
                PackageSetDigest.Compute(read.Select(p => new PackageKey(p.Manager, p.Channel, p.Subdir, p.Name, p.Version, p.Build))),
                Is.EqualTo(DigestOf(packages)));
        });
    }

    [Test]
    public async Task An_empty_set_is_there_and_an_unknown_one_is_not()
    {
        Assert.That(await ReadAsync(await LogAndFindSetAsync([], "/grpc/empty"), AsService()), Is.Empty);
        var unknown = await Assert.ThrowsAsync<RpcException>(() => ReadAsync(long.MaxValue, AsService()));
        Assert.That(unknown!.StatusCode, Is.EqualTo(StatusCode.NotFound));
    }

    [Test]
    public async Task Only_services_may_ask()
    {
        var set = await LogAndFindSetAsync([Conda("a", "1")], "/grpc/guarded");
        var nobody = await Assert.ThrowsAsync<RpcException>(() => ReadAsync(set, []));
        var user = await Assert.ThrowsAsync<RpcException>(
            () => ReadAsync(
                set, new() { { Assertion.Header.ToLowerInvariant(), Ada.ToAssertion().Sign(ServiceFixture<IngestOptions>.Key) } }));
        Assert.That((nobody!.StatusCode, user!.StatusCode), Is.EqualTo((StatusCode.Unauthenticated, StatusCode.PermissionDenied)));
    }

    [Test]
    public async Task An_environment_is_told_under_its_organization_only()
    {
        var logged = await LoggedAsync(Bob, Body([Conda("a", "1"), Conda("b", "1")], "/grpc/one"));
        var id = logged.GetProperty("environment_id").GetString()!;
        var client = new Contracts.Ingest.Environments.EnvironmentsClient(_channel);
        var environment = await client.GetEnvironmentAsync(
            new() { OrganizationId = Organization.Id.ToString(), EnvironmentId = id }, AsService());
        Assert.Multiple(() =>
        {
            Assert.That(environment.Prefix, Is.EqualTo("/grpc/one"));
            Assert.That(environment.Name, Is.EqualTo("one"));
            Assert.That(environment.MachineId, Is.EqualTo(BobsMachine.ToString()));
            Assert.That(environment.OwnerId, Is.EqualTo(Bob.SubjectId.ToString()));
            Assert.That(environment.Digest, Is.EqualTo(logged.GetProperty("digest").GetString()));
            Assert.That(environment.PackageCount, Is.EqualTo(2));
            Assert.That(environment.Version, Is.EqualTo(1));
            Assert.That(environment.Archived, Is.False);
        });
        var elsewhere = await Assert.ThrowsAsync<RpcException>(async () => await client.GetEnvironmentAsync(
            new() { OrganizationId = OrgOf(Mallory).ToString(), EnvironmentId = id }, AsService()));
        var malformed = await Assert.ThrowsAsync<RpcException>(async () => await client.GetEnvironmentAsync(
            new() { OrganizationId = "x", EnvironmentId = id }, AsService()));
        Assert.That((elsewhere!.StatusCode, malformed!.StatusCode), Is.EqualTo((StatusCode.NotFound, StatusCode.InvalidArgument)));
    }

    [Test]
    public async Task Packages_are_pending_and_never_clean_while_Scanner_is_away()
    {
        var packages = Enumerable.Range(0, 25).Select(i => new PackageEntry(
            "conda", $"lib{i:00}", $"{i}", "h0", "linux-64", "conda-forge", new string('a', 64), "MIT", i == 3)).ToArray();
        var id = (await LoggedAsync(Bob, Body(packages, "/listed"))).GetProperty("environment_id").GetString();
        var listed = await GetAllAsync(Bob, $"environments/{id}/packages", 7);
        Assert.Multiple(() =>
        {
            Assert.That(listed.Select(p => p.GetProperty("name").GetString()), Is.EqualTo(packages.Select(p => p.Name)));
            Assert.That(listed.Select(p => p.GetProperty("coverage").GetString()), Is.All.EqualTo("pending"));
            Assert.That(listed.Select(p => p.GetProperty("vulnerabilities").ValueKind), Is.All.EqualTo(JsonValueKind.Null));
            Assert.That(listed.Select(p => p.GetProperty("license").GetString()), Is.All.EqualTo("MIT"));
            Assert.That(listed.Where(p => p.GetProperty("requested").GetBoolean()).Select(p => p.GetProperty("name").GetString()),
                Is.EqualTo(new[] { "lib03" }));
        });
        var descending = await GetAllAsync(Bob, $"environments/{id}/packages?sort=-name", 10);
        Assert.That(descending.Select(p => p.GetProperty("name").GetString()), Is.EqualTo(packages.Reverse().Select(p => p.Name)));
        var found = await GetAllAsync(Bob, $"environments/{id}/packages?search=LIB1", 4);
        Assert.That(found, Has.Count.EqualTo(10));
    }

    [Test]
    public async Task What_one_organization_says_of_a_package_is_not_shown_to_another()
    {
        var machine = await RegisterMachineAsync(Mallory);
        static PackageEntry Said(string? license) => new("conda", "shared", "1", "0", "noarch", "conda-forge", null, license, null);
        await LoggedAsync(Bob, Body([Said("Ours")], "/said"));
        var other = await LoggedAsync(Mallory, Body([Said(null)], "/said", machine));
        var packages = await GetAsync(Mallory, $"environments/{other.GetProperty("environment_id").GetString()}/packages");
        Assert.That(packages.GetProperty("items")[0].GetProperty("license").ValueKind, Is.EqualTo(JsonValueKind.Null));
    }
}
