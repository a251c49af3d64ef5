using System.Net;
using System.Text.Json.Nodes;

namespace EnvPlatform.Ingest.Tests.Environments;

/// <summary>The stored numbers of environments, for the organization and for each set, against the rows themselves.</summary>
public sealed class EnvironmentNumbersTests : IngestFixture
{
    [Test]
    public async Task Numbers_stay_exact_while_environments_come_move_between_sets_are_archived_and_removed_at_the_same_time()
    {
        var sets = Enumerable.Range(0, 3).Select(i => new[] { Conda("numbers", $"{i}") }).ToArray();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(worker => Task.Run(async () =>
        {
            var random = new Random(worker);
            for (var step = 0; step < 25; step++)
            {
                // Few prefixes, so that workers collide, and move environments from one set to another in both directions.
                JsonObject body = Body(sets[random.Next(sets.Length)], $"/numbers/{random.Next(6)}");
                using var logged = await LogAsync(Bob, body);
                var id = (await GetAsync(Ada, "environments?limit=1000")).GetProperty("items").EnumerateArray()
                    .Select(e => e.GetProperty("id").GetString()).Skip(random.Next(6)).FirstOrDefault();
                using var changed = (id, random.Next(6)) switch
                {
                    (null, _) or (_, > 2) => null,
                    (_, 0) => await SendAsync(HttpMethod.Delete, Ada, $"environments/{id}"),
                    (_, 1) => await SendAsync(HttpMethod.Post, Ada, $"environments/{id}/archive"),
                    _ => await SendAsync(HttpMethod.Post, Ada, $"environments/{id}/unarchive"),
                };
                Assert.That(new[] { logged.StatusCode, changed?.StatusCode ?? HttpStatusCode.OK },
                    Is.All.LessThan(HttpStatusCode.InternalServerError), "nobody waits in a circle");
            }
        })));

        const string organizations =
            """
            select coalesce(string_agg(concat_ws(' ', org_id, archived, environments), ',' order by org_id, archived), '')
            from (select org_id, archived, {0} as environments from {1} group by org_id, archived having {0} <> 0) as numbers
            """;
        const string ofSets =
            """
            select count(*) from organization_package_sets s where environments <> (
                select count(*) from environments e
                where e.org_id = s.org_id and e.package_set_id = s.package_set_id and e.removed_at is null)
            """;
        var kept = await ScalarAsync<string>(string.Format(null, organizations, "sum(environments)", "environment_counts"));
        var real = await ScalarAsync<string>(
            string.Format(null, organizations, "count(*)", "(select * from environments where removed_at is null) as living"));
        Assert.Multiple(async () =>
        {
            Assert.That(real, Is.Not.Empty);
            Assert.That(kept, Is.EqualTo(real));
            Assert.That(await ScalarAsync<long>(ofSets), Is.Zero, "sets whose number differs from their environments");
        });
    }
}
