using EnvPlatform.Contracts.Masking;
using EnvPlatform.Testing;

namespace EnvPlatform.Ingest.Tests;

/// <summary>What was stored before a form of secrets was known is masked by the step to the next version.</summary>
public sealed class StoredSecretsTests : IngestFixture
{
    [Test]
    public async Task The_migration_masks_what_earlier_versions_stored()
    {
        foreach (var (command, i) in SecretsTests.Commands("hunter2").Select((command, i) => (command, i)))
        {
            await LoggedAsync(Bob, Body([Conda("masked", $"{i}")], $"/masked/{i}"));
            await Db.ExecuteAsync(
                """
                update environment_logs set command = @command
                where environment_id = (select environment_id from environments where prefix = @prefix)
                """, new { command, prefix = $"/masked/{i}" });
        }

        await using var script = typeof(IngestOptions).Assembly.GetManifestResourceStream("migrations/0005_masked_commands.sql")!;
        var sql = await new StreamReader(script).ReadToEndAsync();
        await Db.ExecuteAsync(sql);
        var left = await ScalarAsync<long>("select count(*) from environment_logs where command like '%hunter2%'");
        Assert.That(left, Is.Zero, await ScalarAsync<string>(
            "select coalesce(string_agg(command, E'\\n'), '') from environment_logs where command like '%hunter2%'"));
        Assert.That(
            await ScalarAsync<string>("select min(command) from environment_logs where command like 'anaconda login --username%'"),
            Is.EqualTo(Secrets.Masked("anaconda login --username ada --password hunter2")));
    }
}
