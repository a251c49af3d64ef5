using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;

using Dapper;

using EnvPlatform.Testing;

namespace EnvPlatform.Scanner.Service.Tests.Curations;

/// <summary>What one organization does holds up no other for longer than a few statements.</summary>
public sealed class ImportVexLocksTests : CurationFixture
{
    private const long FindingsKey = 0x656e_7670_6669_6e64;
    private const int Known = 400;

    protected override async Task PrepareAsync()
    {
        await base.PrepareAsync();
        await ImportAsync(File([.. Enumerable.Range(0, Known)
            .Select(i => Record($"PYSEC-2026-{5_000 + i}", "lockedlib", null, null, [$"CVE-2026-{50_000 + i}"], High))]));
    }

    [Test]
    public async Task Names_that_nobody_knows_are_looked_up_without_any_lock()
    {
        await using var barrier = await Db.OpenConnectionAsync();
        await using var held = await barrier.BeginTransactionAsync();
        await barrier.ExecuteAsync("select pg_advisory_xact_lock(@FindingsKey)", new { FindingsKey });
        var result = await SendVexAsync(Document(10_000, i => [.. Enumerable.Range(0, 100).Select(name => $"X-{(i + name) % 5_000}")]));
        Assert.Multiple(() =>
        {
            Assert.That(result.GetProperty("skipped").GetArrayLength(), Is.EqualTo(10_000));
            Assert.That(result.GetProperty("applied").GetInt32(), Is.Zero);
        });
    }

    [Test]
    public async Task An_import_is_a_few_statements_to_the_database_however_many_verdicts_it_has()
    {
        using var counter = new CommandCounter();
        var result = await SendVexAsync(Document(Known, i => [$"CVE-2026-{50_000 + i}"]));
        Assert.Multiple(() =>
        {
            Assert.That(result.GetProperty("applied").GetInt32(), Is.EqualTo(Known), result.ToString());
            Assert.That(counter.Commands, Is.InRange(5, 40), "it was three for each verdict");
        });
    }

    [Test]
    public async Task While_an_import_of_one_organization_runs_the_curation_of_another_goes_through()
    {
        // Ada's import stands still in the middle of its transaction: it shares the lock of all findings and waits for the one of hers.
        await using var barrier = await Db.OpenConnectionAsync();
        await using var held = await barrier.BeginTransactionAsync();
        await barrier.ExecuteAsync(
            "select pg_advisory_xact_lock(hashtextextended('curations ' || @Value::text, 0))", new { Organization.Id.Value });
        var vex = SendVexAsync(Document(1, _ => ["CVE-2026-50000"]));
        await WaitingAsync(1, "Ada's import waits in its transaction");

        // An import of advisories waits until nobody shares the lock any more.
        var import = await SendImportAsync(
            Scanner, Operator, """{"vulnerabilities":[{"cveID":"CVE-2026-50001","dateAdded":"2026-02-03"}]}"""u8.ToArray(), "kev");
        await WaitingAsync(2, "the import of advisories waits too");
        using var response = await PutAsync("CVE-2026-50000", new { status = "cleared", reason = "not ours" }, Mallory);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK), await response.Content.ReadAsStringAsync());
        Assert.That(vex.IsCompleted, Is.False);
        await held.CommitAsync();
        await vex;
        Assert.That((await EndedAsync(Scanner, Operator, import)).GetProperty("status").GetString(), Is.EqualTo("completed"));
    }

    private Task WaitingAsync(int transactions, string what) => Eventually.BecomesTrueAsync(
        async () => await ScalarAsync<long>(
            Db,
            """
            select count(*) from pg_locks
            where locktype = 'advisory' and mode = 'ExclusiveLock' and not granted
                and database = (select oid from pg_database where datname = current_database())
            """) >= transactions, what);

    private static byte[] Document(int statements, Func<int, string[]> names) => JsonSerializer.SerializeToUtf8Bytes(new JsonObject
    {
        ["@context"] = "https://openvex.dev/ns/v0.2.0",
        ["statements"] = new JsonArray([.. Enumerable.Range(0, statements).Select(i => (JsonNode)new JsonObject
        {
            ["vulnerability"] = new JsonObject
            {
                ["name"] = names(i)[0],
                ["aliases"] = new JsonArray([.. names(i).Skip(1).Select(name => (JsonNode)name)]),
            },
            ["products"] = new JsonArray(new JsonObject { ["@id"] = "pkg:pypi/lockedlib" }),
            ["status"] = "fixed",
        })]),
    });

    private async Task<JsonElement> SendVexAsync(byte[] document)
    {
        using var content = new ByteArrayContent(document) { Headers = { ContentType = new("application/json") } };
        using var response = await SendAsync(HttpMethod.Post, Ada, "vulnerabilities/vex", content);
        return await OkAsync(response);
    }

    /// <summary>Counts the commands that the request of this test sends to PostgreSQL: those of its trace.</summary>
    private sealed class CommandCounter : IDisposable
    {
        private readonly ConcurrentBag<Activity> _commands = [];
        private readonly ActivitySource _source = new(nameof(CommandCounter));
        private readonly ActivityListener _listener;
        private readonly Activity _request;

        public CommandCounter()
        {
            _listener = new()
            {
                ShouldListenTo = source => source.Name is nameof(CommandCounter) or "Npgsql" or "Microsoft.AspNetCore",
                Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
                ActivityStopped = activity =>
                {
                    if (activity.Source.Name == "Npgsql")
                    {
                        _commands.Add(activity);
                    }
                },
            };
            ActivitySource.AddActivityListener(_listener);
            _request = _source.StartActivity("request")!;
        }

        public int Commands => _commands.Count(command => command.TraceId == _request.TraceId);

        public void Dispose()
        {
            _request.Dispose();
            _listener.Dispose();
            _source.Dispose();
        }
    }
}
