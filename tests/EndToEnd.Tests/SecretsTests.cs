using System.Buffers;
using System.Diagnostics;
using System.Text;

using EnvPlatform.Testing;

using Npgsql;

using StackExchange.Redis;

namespace EnvPlatform.EndToEnd.Tests;

/// <summary>
/// A secret is shown once and stored nowhere: what the platform keeps and sends (tables, files of the servers, logs, Redis, traces) holds
/// none that the suite has seen until now.
/// </summary>
public sealed class SecretsTests
{
    private const string Control = "no secret";
    private static readonly string[] Databases = [.. Platform.Services.Except(["gateway"])];

    [Test]
    public async Task No_secret_that_was_made_is_anywhere_but_where_it_was_shown()
    {
        var platform = SharedPlatform.Platform;
        var known = await MakeAsync(platform);
        await UntilSentAsync(platform);
        // What is stored and sent for sure, so that the search is known to find what is there.
        var secrets = new Sought(new Dictionary<string, string>(MadeSecrets.Seen, StringComparer.Ordinal) { [known] = Control });
        Assert.That(secrets.Kinds, Is.GreaterThan(4), "kinds of secrets that were made");

        var found = new List<string>();
        foreach (var database in Databases)
        {
            await SearchTablesAsync((await platform.ConnectionStringAsync(database + "-db"))!, database, secrets, found);
        }

        SearchFiles(platform.DataFolder, secrets, found);
        await SearchRedisAsync((await platform.ConnectionStringAsync("redis"))!, secrets, found);
        foreach (var body in SharedPlatform.Telemetry.Bodies)
        {
            secrets.Search(Encoding.Latin1.GetString(body), "telemetry", found);
        }

        var control = found.Where(one => one.EndsWith(Control, StringComparison.Ordinal)).ToArray();
        Assert.That(control.Where(one => one.StartsWith("identity: ", StringComparison.Ordinal)), Is.Not.Empty, "the search finds nothing");
        Assert.That(control.Where(one => one.StartsWith('/')), Is.Not.Empty, "the search finds nothing in files");
        Assert.That(found.Except(control).Distinct(), Is.Empty);
    }

    /// <summary>One of each kind that the API shows to an administrator, whatever ran before.</summary>
    /// <returns>The slug of the organization, which is no secret.</returns>
    private static async Task<string> MakeAsync(Platform platform)
    {
        var organization = await Organization.CreateAsync(platform);
        using var operatorApi = platform.Administrator();
        await operatorApi.PostAsync(
            $"{organization.Path}/tokens", new { name = "a secret", expires_at = TimeProvider.System.GetUtcNow().AddDays(1) });
        using var nobody = platform.Client(null);
        var (address, password) = ($"{Guid.CreateVersion7():N}@example.org", $"correct horse {Guid.CreateVersion7():N}");
        var invited = await operatorApi.PostAsync(
            $"{organization.Path}/members", new { email = address, display_name = "Ada", role = "member" });
        await nobody.PostAsync(
            "/api/v1/invitations/accept", new { token = invited.GetProperty("token").GetString(), password });
        await nobody.PostAsync("/api/v1/sign-in", new { email = address, password });
        // A wrong one is as secret as a right one: it is often that of another account.
        using var wrong = await nobody.Http.PostAsync(
            new Uri("/api/v1/sign-in", UriKind.Relative),
            new StringContent(
                $$"""{"email":"{{address}}","password":"wrong {{Guid.CreateVersion7():N}}"}""", Encoding.UTF8, "application/json"));
        Assert.That((int)wrong.StatusCode, Is.EqualTo(401));
        return organization.Slug;
    }

    /// <summary>What was written to an outbox passes the broker before it is gone.</summary>
    private static async Task UntilSentAsync(Platform platform)
    {
        foreach (var database in Databases)
        {
            await using var db = NpgsqlDataSource.Create((await platform.ConnectionStringAsync(database + "-db"))!);
            await Eventually.BecomesTrueAsync(
                async () =>
                {
                    await using var count = db.CreateCommand("select count(*) from outbox");
                    return (long)(await count.ExecuteScalarAsync())! == 0;
                },
                $"the outbox of {database} is empty");
        }
    }

    /// <summary>As text, because a table may hold compressed values.</summary>
    private static async Task SearchTablesAsync(
        string connection, string database, Sought secrets, List<string> found)
    {
        await using var db = NpgsqlDataSource.Create(connection);
        var tables = new List<string>();
        await using (var list = db.CreateCommand(
            """
            select format('%I.%I', schemaname, tablename) from pg_tables where schemaname not in ('pg_catalog', 'information_schema')
            """))
        {
            await using var reader = await list.ExecuteReaderAsync();
            while (await reader.ReadAsync())
            {
                tables.Add(reader.GetString(0));
            }
        }

        Assert.That(tables, Has.Count.GreaterThan(5), database);
        foreach (var table in tables)
        {
            await using var rows = db.CreateCommand($"select t::text from {table} t");
            await using var reader = await rows.ExecuteReaderAsync();
            var text = new StringBuilder();
            while (await reader.ReadAsync())
            {
                text.AppendLine(reader.GetString(0));
                if (text.Length > 1_000_000)
                {
                    secrets.Search(text.ToString(), $"{database}: {table}", found);
                    text.Clear();
                }
            }

            secrets.Search(text.ToString(), $"{database}: {table}", found);
        }
    }

    /// <summary>What servers and services have on disk: logs, queues, write-ahead logs; not the file that is there to be read.</summary>
    private static void SearchFiles(string folder, Sought secrets, List<string> found)
    {
        var patterns = Path.GetTempFileName();
        try
        {
            File.WriteAllLines(patterns, secrets.All);
            using var grep = Process.Start(new ProcessStartInfo("grep")
            {
                UseShellExecute = false,
                ArgumentList = { "-raoF", "-f", patterns, "--exclude=bootstrap.json", folder },
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            grep.ErrorDataReceived += (_, _) => { };
            grep.BeginErrorReadLine();
            var output = grep.StandardOutput.ReadToEnd();
            grep.WaitForExit();
            foreach (var line in output.Split('\n', StringSplitOptions.RemoveEmptyEntries))
            {
                secrets.Search(line, line.Split(':')[0], found);
            }
        }
        finally
        {
            File.Delete(patterns);
        }
    }

    private static async Task SearchRedisAsync(string connection, Sought secrets, List<string> found)
    {
        await using var redis = await ConnectionMultiplexer.ConnectAsync(connection + ",allowAdmin=true");
        foreach (var server in redis.GetServers())
        {
            await foreach (var key in server.KeysAsync())
            {
                secrets.Search(key.ToString(), "redis key", found);
                if (await redis.GetDatabase().KeyDumpAsync(key) is { } value)
                {
                    secrets.Search(Encoding.Latin1.GetString(value), $"redis {key}", found);
                }
            }
        }
    }

    /// <summary>All secrets, sought in one pass; what is found is told by what made it, not by itself.</summary>
    private sealed class Sought(IReadOnlyDictionary<string, string> seen)
    {
        private readonly Dictionary<string, string> _madeBy = new(seen, StringComparer.Ordinal);
        private readonly SearchValues<string> _any = SearchValues.Create([.. seen.Keys], StringComparison.Ordinal);

        public IEnumerable<string> All => _madeBy.Keys;

        public int Kinds => _madeBy.Values.Distinct(StringComparer.Ordinal).Count();

        public void Search(string text, string where, List<string> found)
        {
            if (text.AsSpan().ContainsAny(_any))
            {
                found.AddRange(
                    _madeBy.Where(one => text.Contains(one.Key, StringComparison.Ordinal)).Select(one => $"{where}: {one.Value}"));
            }
        }
    }
}
