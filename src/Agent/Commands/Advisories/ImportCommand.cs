using System.CommandLine;

using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.Commands.Advisories;

/// <summary>Uploads files of vulnerability data, one after the other, and follows each import to its end.</summary>
internal sealed class ImportCommand : Command
{
    private readonly Argument<string[]> _files =
        new("file") { Description = "Zip, json or csv files, as they are or in gzip.", Arity = ArgumentArity.OneOrMore };
    private readonly Option<string?> _format =
        new("--format") { Description = $"{string.Join(", ", AdvisoryFormat.All)}; by default what each file looks like." };
    private readonly Option<string?> _channel = new("--channel")
    {
        Description =
            "The channel that a mapping of format parselmouth or repodata is of; by default what the name of a mapping's file says "
            + "(parselmouth-CHANNEL.json)."
    };
    private readonly Option<string?> _subdir = new("--subdir")
    {
        Description = "The platform that repodata is of, such as linux-64 or noarch; by default what the file says.",
        HelpName = "PLATFORM"
    };
    private readonly Option<bool> _complete =
        new("--complete")
        {
            Description =
                "The files hold all records: of format osv of their ecosystem, of format nvd of the years that they have records of."
        };

    private readonly Option<bool> _shrunk =
        new("--shrunk") { Description = "It is right that the files hold more than a tenth less than the last ones." };

    private readonly Option<bool> _json =
        new("--json") { Description = "Answer in JSON, as the platform sends it: an object a line for each file." };

    public ImportCommand(Surroundings surroundings)
        : base("import", "Import vulnerability data from files (operators only).")
    {
        _format.AcceptOnlyFromAmong(AdvisoryFormat.All);
        Add(_files);
        Add(_format);
        Add(_channel);
        Add(_subdir);
        Add(_complete);
        Add(_shrunk);
        Add(_json);
        SetAction((parsed, ct) => RunAsync(parsed, surroundings, ct));
    }

    private async Task<int> RunAsync(ParseResult parsed, Surroundings surroundings, CancellationToken ct)
    {
        // Nothing is sent before all files are known to exist.
        var files = parsed.GetValue(_files)!.Select(given => Recognise(surroundings.FullPath(given), parsed)).ToArray();
        using var client = Session.Connect(surroundings, Settings.Load(surroundings));
        var screen = new Screen(surroundings);
        var failures = 0;
        foreach (var file in files)
        {
            using var progress = new Progress(surroundings, alsoPlain: true);
            var id = await UploadAsync(client, file, progress, ct);
            var (import, answer) = await ImportFollowing.UntilDoneAsync(client, id, progress, surroundings.Clock, ct);
            progress.Dispose();
            if (parsed.GetValue(_json))
            {
                screen.Json(answer.Body);
            }
            else if (import.Status == "completed")
            {
                screen.Line((files.Length > 1 ? file.Name + ": imported " : "Imported ") + ImportFollowing.Outcome(import));
            }

            await ImportFollowing.TellRejectionsAsync(client, import, screen, ct);
            if (import.Status == "failed")
            {
                screen.Note($"envplatform: The import of {file.Name} failed: {import.Error ?? "the platform gave no reason"}");
                failures++;
            }
        }

        return failures > 0 ? ExitCodes.CouldNot : ExitCodes.Fine;
    }

    private static async Task<string> UploadAsync(PlatformClient client, AdvisoryFile file, Progress progress, CancellationToken ct)
    {
        var total = new FileInfo(file.Path).Length;
        var answer = await client.WriteAsync(
            HttpMethod.Post, "api/v1/advisories/imports"
                + Session.Query(("format", file.Format), ("channel", file.Channel), ("subdir", file.Subdir),
                    ("complete", file.IsComplete ? "true" : null),
                    ("shrunk", file.IsShrunk ? "true" : null)),
            () => new UploadContent(
                file.Path, file.MediaType,
                sent => progress.Show(
                    "Uploading", $"{Times.Megabytes(sent)} of {Times.Megabytes(total)} MB of {file.Name}",
                    total > 0 ? (double)sent / total : null)),
            CallOptions.Upload, ct);
        return answer.As(AgentJson.Default.ImportView).Id
            ?? throw new AgentException("The platform took the file and did not say under which id.");
    }

    private AdvisoryFile Recognise(string path, ParseResult parsed)
    {
        if (!System.IO.File.Exists(path))
        {
            throw new AgentException($"There is no file {path}.");
        }

        using var stream = System.IO.File.OpenRead(path);
        var head = new byte[4_096];
        head = head[..stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false)];
        var known = parsed.GetValue(_format) ?? AdvisoryFormat.Of(head)
            ?? throw new AgentException(
                $"{path} does not show what it is: say it with --format ({string.Join(", ", AdvisoryFormat.All)}).", ExitCodes.Usage);
        return new(path, known, AdvisoryFormat.MediaType(head, known), ChannelOf(path, known, parsed.GetValue(_channel)),
            known == AdvisoryFormat.Repodata ? parsed.GetValue(_subdir) : null,
            known is "nvd" or "osv" && parsed.GetValue(_complete), parsed.GetValue(_shrunk));
    }

    private static string? ChannelOf(string path, string format, string? given)
    {
        if (format is not (AdvisoryFormat.Parselmouth or AdvisoryFormat.Repodata))
        {
            return null;
        }

        const string prefix = AdvisoryFormat.Parselmouth + "-";
        var name = System.IO.Path.GetFileName(path);
        return given ?? (format == AdvisoryFormat.Parselmouth && name.StartsWith(prefix, StringComparison.Ordinal)
            && name.IndexOf(".json", prefix.Length, StringComparison.Ordinal) is > 0 and var end && end > prefix.Length
            ? name[prefix.Length..end]
            : throw new AgentException($"{path} does not show which channel it is of: say it with --channel.", ExitCodes.Usage));
    }

    private sealed record AdvisoryFile(
        string Path, string Format, string MediaType, string? Channel, string? Subdir, bool IsComplete, bool IsShrunk)
    {
        public string Name => System.IO.Path.GetFileName(Path);
    }
}
