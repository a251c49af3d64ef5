using System.Buffers;

using EnvPlatform.Postgres;
using EnvPlatform.Scanner.Advisories.Imports;

using NpgsqlTypes;

namespace EnvPlatform.Scanner.Repodata;

/// <summary>
/// Writes what a channel holds for a platform as it is read: first into a temporary table, and from there in a few statements, so that the
/// memory needed does not grow with the file. Names of which nothing changed are not written.
/// </summary>
internal static class WriteRepodata
{
    /// <summary>The part of its builds that a channel may lose between two imports.</summary>
    private const double Tolerated = 0.1;

    /// <summary>Builds below which a channel is somebody's own, of which one build is much.</summary>
    private const int Few = 10;

    /// <param name="expected">The platform that the file must be of; null for the one that it names.</param>
    /// <returns>The platform, and how many names are new, changed and gone.</returns>
    /// <exception cref="InvalidDataException">
    /// The file is no repodata, of another platform, or holds much less than the last one.
    /// </exception>
    public static async Task<(string Subdir, AdvisoryChange.Outcome Outcome)> RunAsync(
        Tx tx, RepodataReader file, string channel, string? expected, bool mayShrink, ImportProgress progress, DateTimeOffset now,
        CancellationToken ct)
    {
        await tx.ExecuteAsync(
            """create temporary table staged_builds (name text collate "C" not null, build text collate "C" not null) on commit drop""");
        await StageAsync(tx, file, progress, ct);
        var subdir = SubdirOf(file, expected);
        await tx.ExecuteAsync(
            """
            create temporary table staged_names on commit drop as
            select name, count(distinct build)::int as count, string_agg(distinct build, e'\n' order by build) as builds
            from staged_builds group by name
            """);
        var (names, builds) = await tx.QuerySingleAsync<(int Names, int Builds)>(
            "select count(*)::int, coalesce(sum(count), 0)::int from staged_names");
        if (builds == 0)
        {
            throw new InvalidDataException(progress.Rejected == 0
                ? "The file holds no packages."
                : $"None of the {progress.Rejected} entries of the file can be read.");
        }

        if (!mayShrink)
        {
            await RequireNoLossAsync(tx, channel, subdir, builds);
        }

        var outcome = await WriteAsync(tx, channel, subdir);
        await tx.ExecuteAsync(
            """
            insert into channel_subdirs (channel, subdir, names, builds, imported_at) values (@channel, @subdir, @names, @builds, @now)
            on conflict (channel, subdir) do update set
                names = excluded.names, builds = excluded.builds, imported_at = excluded.imported_at
            """, new { channel, subdir, names, builds, now });
        return (subdir, outcome);
    }

    private static async Task StageAsync(Tx tx, RepodataReader file, ImportProgress progress, CancellationToken ct)
    {
        var buffer = new ArrayBufferWriter<byte>(1_024);
        await using var rows =
            await tx.Connection.BeginBinaryImportAsync("copy staged_builds (name, build) from stdin (format binary)", ct);
        while (await file.NextAsync(ct) is { } entry)
        {
            if (entry.Build is not { } build)
            {
                progress.Reject(entry.File, entry.Problem!);
                continue;
            }

            await rows.StartRowAsync(ct);
            await rows.WriteAsync(build.Name, NpgsqlDbType.Text, ct);
            await rows.WriteAsync(build.ToLine(buffer), NpgsqlDbType.Text, ct);
            await progress.ReadOneAsync(ct);
        }

        await rows.CompleteAsync(ct);
    }

    private static string SubdirOf(RepodataReader file, string? expected)
    {
        if (!file.HasPackages)
        {
            throw new InvalidDataException("The file has no list of packages.");
        }

        if (file.Subdir is { } named && (!RepodataChannels.IsSubdir(named) || (expected is not null && named != expected)))
        {
            throw new InvalidDataException(
                $"The file says that it is of {named}, and not of {expected ?? "a platform as conda names it"}.");
        }

        return expected ?? file.Subdir
            ?? throw new InvalidDataException("The file does not name its platform (info.subdir): say it with subdir (--subdir).");
    }

    private static async Task RequireNoLossAsync(Tx tx, string channel, string subdir, int builds)
    {
        var before = await tx.QuerySingleOrDefaultAsync<int?>(
            "select builds from channel_subdirs where channel = @channel and subdir = @subdir", new { channel, subdir });
        if (before >= Few && builds < before * (1 - Tolerated))
        {
            throw new InvalidDataException(
                $"The file holds {builds} packages of {channel} for {subdir}, and the last one held {before}: a source does not shrink by "
                + "more than a tenth. Nothing was imported. If it is right, import it with shrunk=true (--shrunk).");
        }
    }

    private static async Task<AdvisoryChange.Outcome> WriteAsync(Tx tx, string channel, string subdir)
    {
        var key = new { channel, subdir };
        var gone = await tx.ExecuteAsync(
            """
            delete from channel_packages p
            where channel = @channel and subdir = @subdir and not exists (select from staged_names s where s.name = p.name)
            """, key);
        var changed = await tx.ExecuteAsync(
            """
            update channel_packages p set count = s.count, builds = s.builds
            from staged_names s
            where p.channel = @channel and p.subdir = @subdir and p.name = s.name and p.builds <> s.builds
            """, key);
        var added = await tx.ExecuteAsync(
            """
            insert into channel_packages (channel, subdir, name, count, builds)
            select @channel, @subdir, name, count, builds from staged_names
            on conflict (channel, subdir, name) do nothing
            """, key);
        return new(added, changed, gone);
    }
}
