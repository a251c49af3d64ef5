using System.CommandLine;
using System.Text;
using System.Text.Json;

using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Collectors;
using EnvPlatform.Agent.Output;
using EnvPlatform.Contracts.Packages;
using EnvPlatform.Contracts.Sboms;

namespace EnvPlatform.Agent.Commands;

/// <summary>
/// Writes the software bill of materials of an environment: the platform's for an id, the agent's own for one on this machine or in a file,
/// for which the platform is only asked where vulnerabilities are wanted.
/// </summary>
internal sealed class SbomCommand : Command
{
    private readonly Argument<string?> _id = new("id")
    {
        Description = "A logged environment's id; without it, the environment of --prefix, --name or --file, or the active one.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string> _format = new("--format")
    {
        Description = "cyclonedx (1.6) or spdx (2.3).",
        HelpName = "FORMAT",
        DefaultValueFactory = _ => CycloneDxSbom.Format,
    };

    private readonly Option<bool> _vulnerabilities = new("--vulnerabilities")
    {
        Description = "With the vulnerabilities and what your organization holds of them (VEX); CycloneDX only.",
    };

    private readonly Option<string?> _output = new("--output", "-o") { Description = "The file to write.", HelpName = "FILE" };

    public SbomCommand(Surroundings surroundings)
        : base("sbom", "Write the software bill of materials of an environment.")
    {
        _format.AcceptOnlyFromAmong(CycloneDxSbom.Format, SpdxSbom.Format);
        _id.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && !Guid.TryParse(token.Value, out _))
            {
                result.AddError($"'{token.Value}' is not the id of an environment; see 'envplatform env list'.");
            }
        });
        Add(_id);
        Add(_format);
        Add(_vulnerabilities);
        Add(_output);
        var target = TargetOptions.AddTo(this, files: true);
        Validators.Add(result =>
        {
            if (result.GetValue(_vulnerabilities) && result.GetValue(_format) == SpdxSbom.Format)
            {
                result.AddError($"--vulnerabilities is for --format {CycloneDxSbom.Format}.");
            }
        });
        SetAction((parsed, ct) => RunAsync(parsed, target, surroundings, ct));
    }

    private async Task<int> RunAsync(ParseResult parsed, TargetOptions target, Surroundings surroundings, CancellationToken ct)
    {
        var screen = new Screen(surroundings);
        if (parsed.GetValue(_id) is { } id)
        {
            using var session = Session.Open(surroundings);
            var query = Session.Query(
                ("format", parsed.GetValue(_format)), ("vulnerabilities", parsed.GetValue(_vulnerabilities) ? "true" : null));
            var answer = await session.Client.GetAsync(session.Path($"environments/{id}/sbom") + query, CallOptions.Usual, ct);
            Write(answer.Body, parsed.GetValue(_output), surroundings, screen);
            return ExitCodes.Fine;
        }

        var environments = target.Collect(parsed, surroundings).ToArray();
        if (environments is not [var environment])
        {
            throw new AgentException(
                $"A document is of one environment, and here are {environments.Length}: "
                + $"{string.Join(", ", environments.Select(one => one.Name))}. Choose one with --environment and --platform.",
                ExitCodes.Usage);
        }

        CollectionNotes.Print(environment, screen);
        CollectionNotes.RequirePackages(environment);
        var sbom = await OfAsync(environment, parsed.GetValue(_vulnerabilities), surroundings, ct);
        var document = parsed.GetValue(_format) == SpdxSbom.Format ? SpdxSbom.Write(sbom) : CycloneDxSbom.Write(sbom);
        Write(Encoding.UTF8.GetBytes(document.ToJsonString()), parsed.GetValue(_output), surroundings, screen);
        return environment.NotExact.Count > 0 ? ExitCodes.CouldNot : ExitCodes.Fine;
    }

    private static async Task<Sbom> OfAsync(
        CollectedEnvironment environment, bool vulnerabilities, Surroundings surroundings, CancellationToken ct)
    {
        ScanResult? scanned = null;
        if (vulnerabilities)
        {
            using var session = Session.Open(surroundings);
            scanned = (await AuditScanCommand.ScanAsync(session, environment, ct)).As(AgentJson.Default.ScanResult);
        }

        var digest = PackageSetDigest.Compute(environment.Packages.Select(package => package.Key()));
        var now = surroundings.Clock.GetUtcNow();
        var checkedAs = scanned?.Packages.ToLookup(one => (one.Manager, one.Name, one.Version, one.Build ?? "", one.Channel ?? ""));
        var packages = environment.Packages.Select(package =>
        {
            var scan = checkedAs?[(package.Manager, package.Name, package.Version, package.Build ?? "", package.Channel ?? "")]
                .FirstOrDefault();
            return (Scan: scan, Package: new SbomPackage(
                package.Manager, package.Name, package.Version, package.Build, package.Subdir, package.Channel, package.Sha256,
                package.License, package.Requested == true, scanned is null ? null : scan?.Coverage ?? "not_checked",
                scanned is not null && scan is null ? "no_answer" : scan?.Reason));
        }).ToArray();
        return new(
            Guid.CreateVersion7(now), now, "urn:envplatform:" + digest, environment.Name, Author: null, Surroundings.Version,
            environment.Platform, digest, [.. packages.Select(one => one.Package)],
            [.. environment.NotExact.Select(open => new SbomIncomplete(open.ShortSpec(), open.Reason))],
            scanned is null ? null : VulnerabilitiesOf(packages));
    }

    private static SbomVulnerability[] VulnerabilitiesOf(IEnumerable<(ScannedPackage? Scan, SbomPackage Package)> packages) =>
    [
        .. packages.SelectMany(one => (one.Scan?.Vulnerabilities ?? []).Select(finding => (Finding: finding, one.Package)))
            .GroupBy(one => one.Finding.Id, StringComparer.Ordinal).OrderBy(one => one.Key, StringComparer.Ordinal)
            .Select(of =>
            {
                var finding = of.First().Finding;
                return new SbomVulnerability(
                    of.Key, finding.Aliases ?? [], finding.Severity ?? "unknown", finding.Cvss, finding.CvssVector, finding.Kev,
                    finding.PublishedAt, finding.ModifiedAt, finding.Summary,
                    [
                        .. of.Select(one => new SbomFinding(
                            one.Package, one.Finding.Status ?? "unknown", one.Finding.CuratedAt, null, VersionsOf(one.Finding.FixedIn)))
                    ]);
            }),
    ];

    private static string[] VersionsOf(JsonElement? fixedIn) => fixedIn is { ValueKind: JsonValueKind.Array } versions
        ? [.. versions.EnumerateArray().Select(version => version.ToString())]
        : [];

    private static void Write(byte[] document, string? output, Surroundings surroundings, Screen screen)
    {
        if (output is null)
        {
            screen.Json(document);
            return;
        }

        var path = surroundings.FullPath(output);
        File.WriteAllBytes(path, document);
        screen.Note($"Written to {path}.");
    }
}
