using EnvPlatform.Contracts;
using EnvPlatform.Contracts.Events;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Ingest.Packages;
using EnvPlatform.Testing;

using Microsoft.Extensions.DependencyInjection;

namespace EnvPlatform.Ingest.Tests.Packages;

public sealed class CountChannelsTests : IngestFixture
{
    [Test]
    public async Task Channels_are_counted_by_organization_and_follow_what_environments_hold()
    {
        var (bobs, mallorys) = (OrgOf(Bob), OrgOf(Mallory));
        var machine = await RegisterMachineAsync(Mallory);
        await LoggedAsync(Bob, Body([Conda("zlib", "1.2"), Conda("samtools", "1.0") with { Channel = "bioconda" }], "/opt/one"));
        await LoggedAsync(Bob, Body([Conda("zlib", "1.2"), Conda("zlib", "1.3"), Pypi("requests", "2.0")], "/opt/two"));
        await LoggedAsync(Bob, Body([Conda("zlib", "1.2"), Conda("zlib", "1.3"), Pypi("requests", "2.0")], "/opt/three"));
        await LoggedAsync(Mallory, Body([Conda("zlib", "1.2") with { Channel = "secret" }], machine: machine));
        await ToldAsync(bobs, ("bioconda", 1, 1), ("conda-forge", 3, 2));
        await ToldAsync(mallorys, ("secret", 1, 1));
        var first = Latest(bobs).ToDictionary(channel => channel.Name, channel => channel.FirstSeenAt);

        var one = await LoggedAsync(Bob, Body([Conda("zlib", "1.2")], "/opt/one"));
        await ToldAsync(bobs, ("conda-forge", 3, 2));
        using var removed = await SendAsync(HttpMethod.Delete, Bob, $"environments/{one.GetProperty("environment_id")}");
        await ToldAsync(bobs, ("conda-forge", 2, 2));
        await LoggedAsync(Bob, Body([Conda("samtools", "1.0") with { Channel = "bioconda" }], "/opt/one"));
        await ToldAsync(bobs, ("bioconda", 1, 1), ("conda-forge", 2, 2));
        Assert.That(
            Latest(bobs).ToDictionary(channel => channel.Name, channel => channel.FirstSeenAt), Is.EqualTo(first), "seen before");
        Assert.That(
            Events.Heard<ChannelsCounted>().Where(e => e.OrganizationId == mallorys).SelectMany(e => e.Channels).Select(c => c.Name)
                .Distinct(),
            Is.EqualTo(new[] { "secret" }));
    }

    [Test]
    public async Task A_log_that_changes_nothing_is_not_counted()
    {
        var (people, log) = (new TestPeople(), Body([Conda("only", "1.0")], "/opt/same"));
        var machine = await RegisterMachineAsync(people.Bob);
        log["machine_id"] = machine.ToString();
        await LoggedAsync(people.Bob, log.DeepClone());
        await ToldAsync(OrgOf(people.Bob), ("conda-forge", 1, 1));
        await LoggedAsync(people.Bob, log.DeepClone());
        Assert.That(
            await ScalarAsync<long>("select count(*) from channel_marks where org_id = @Value", new { OrgOf(people.Bob).Value }), Is.Zero);
    }

    [Test]
    public async Task Many_logs_and_counts_at_once_on_two_instances_end_with_the_right_numbers()
    {
        await using var other = await StartAnotherAsync();
        var people = new TestPeople();
        var machine = await RegisterMachineAsync(people.Bob);
        var counting = new[] { Service, other }.Select(service => service.Services.GetRequiredService<CountChannels>()).ToArray();
        var logs = Enumerable.Range(0, 24).Select(async i =>
        {
            using var answer = await LogAsync(
                people.Bob, Body([Conda($"p{i % 5}", "1.0") with { Channel = $"c{i % 3}" }], $"/opt/many/{i}", machine),
                i % 2 == 0 ? Service : other);
            Assert.That((int)answer.StatusCode, Is.EqualTo(201));
        });
        await Task.WhenAll(
            logs.Concat(counting.SelectMany(one => Enumerable.Range(0, 5).Select(_ => one.RunAsync(CancellationToken.None)))));
        await ToldAsync(OrgOf(people.Bob), ("c0", 8, 5), ("c1", 8, 5), ("c2", 8, 5));
        var turns = Events.Heard<ChannelsCounted>().Where(e => e.OrganizationId == OrgOf(people.Bob)).Select(e => (e.Turn, e.Part));
        Assert.That(turns, Is.Unique);
    }

    [Test]
    public async Task More_channels_than_an_event_holds_are_told_in_parts()
    {
        var people = new TestPeople();
        var machine = await RegisterMachineAsync(people.Bob);
        await LoggedAsync(people.Bob, Body(
            [.. Enumerable.Range(0, 501).Select(i => Conda("many", "1.0") with { Channel = $"channel-{i:000}" })], machine: machine));
        await Eventually.BecomesTrueAsync(
            () => Task.FromResult(Events.Heard<ChannelsCounted>().Count(e => e.OrganizationId == OrgOf(people.Bob)) == 2), "two parts", 60);
        var parts = Events.Heard<ChannelsCounted>().Where(e => e.OrganizationId == OrgOf(people.Bob)).OrderBy(e => e.Part).ToArray();
        Assert.That(parts.Select(e => (e.Turn, e.Part, e.Parts, e.Channels.Count)), Is.EqualTo(new[] { (1L, 1, 2, 500), (1L, 2, 2, 1) }));
    }

    [Test]
    public async Task Who_has_no_seat_logs_nothing()
    {
        var seatless = Bob with { Memberships = [Organization with { Role = "member", Products = ["audit_api"] }] };
        using var refused = await LogAsync(seatless, Body([Conda("zlib", "1.2")], "/opt/seatless"));
        Assert.That((int)refused.StatusCode, Is.EqualTo(403));
        Assert.That(await refused.Content.ReadAsStringAsync(), Does.Contain("\"seat_required\""));
        Assert.That(await ScalarAsync<long>("select count(*) from environments where prefix = '/opt/seatless'"), Is.Zero);
        using var read = await SendAsync(HttpMethod.Get, seatless, "environments");
        Assert.That((int)read.StatusCode, Is.EqualTo(200), "reading goes on");
    }

    private Task ToldAsync(OrganizationId organization, params (string Name, long Environments, long Packages)[] expected) =>
        Eventually.BecomesTrueAsync(
            () => Task.FromResult(Latest(organization)
                .Select(channel => (channel.Name, channel.Environments, channel.Packages)).SequenceEqual(expected)),
            string.Join(", ", expected), 60);

    private CountedChannel[] Latest(OrganizationId organization) =>
        [.. Events.Heard<ChannelsCounted>().Where(e => e.OrganizationId == organization).OrderBy(e => e.Turn).LastOrDefault()?.Channels
            ?? []];
}
