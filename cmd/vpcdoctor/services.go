package main

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"vpcdoctor/probe"
	"vpcdoctor/probe/agent"
	"vpcdoctor/probe/catalog"
	"vpcdoctor/report/text"
)

// servicesCommand lists what would be probed, from the catalogue alone.
func (a *app) servicesCommand() *cobra.Command {
	var region, catalogFile, output string
	var profiles, services []string
	var listProfiles bool
	cmd := &cobra.Command{
		Use:   "services",
		Short: "List endpoint services of a Region and what would be probed",
		Long: `services lists endpoint services with type, host names, ports, and how sure
the catalogue is of each. Without --profile or --service it lists all of the
Region. It sends nothing; the Region comes from --region, the agent's files,
resolv.conf or AWS_REGION.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := textOrJSON(output); err != nil {
				return err
			}
			c, err := loadCatalog(catalogFile)
			if err != nil {
				return err
			}
			if listProfiles {
				return a.listProfiles(c, output)
			}
			if region == "" {
				env := probe.Env{Root: "/", Getenv: a.getenv, Command: agent.Exec, UID: a.uid}
				region = probe.Plan(cmd.Context(), env, probe.Options{Catalog: c, EnvRegion: cmp.Or(a.getenv("AWS_REGION"), a.getenv("AWS_DEFAULT_REGION"))}).Place.Region
			}
			if region == "" {
				return usagef("the Region is not known on this machine; give it with --region")
			}
			return a.listServices(c, region, profiles, services, output)
		},
	}
	f := cmd.Flags()
	f.StringVar(&region, "region", "", "AWS Region")
	f.StringSliceVar(&profiles, "profile", nil, "only what these profiles need")
	f.StringSliceVar(&services, "service", nil, "only these services, by any name people use")
	f.BoolVar(&listProfiles, "profiles", false, "list the profiles instead")
	f.StringVar(&catalogFile, "catalog", "", "`FILE` with the JSON of aws ec2 describe-vpc-endpoint-services")
	f.StringVarP(&output, "output", "o", "text", "`text|json`")
	return cmd
}

func (a *app) listProfiles(c *catalog.Catalog, output string) error {
	if output == "json" {
		return a.writeJSON(c.Profiles())
	}
	for _, p := range c.Profiles() {
		fmt.Fprintf(a.stdout, "%-17s %s\n", p.ID, p.Title)
	}
	return nil
}

func (a *app) listServices(c *catalog.Catalog, region string, profiles, services []string, output string) error {
	if err := c.CheckRegion(region); err != nil {
		return usageError{err}
	}
	rows, notes, err := serviceRows(c, region, profiles, services)
	if err != nil {
		return usageError{err}
	}
	if output == "json" {
		return a.writeJSON(struct {
			Region   string            `json:"region"`
			Date     string            `json:"catalog_date"`
			Real     string            `json:"list_real_ones"`
			Notes    []string          `json:"notes,omitempty"`
			Services []text.ServiceRow `json:"services"`
		}{region, c.Date(), catalog.DescribeCommand(region), notes, rows})
	}
	if err := text.Services(a.stdout, rows, text.Options{Width: textWidth}); err != nil {
		return err
	}
	for _, n := range notes {
		fmt.Fprintf(a.stdout, "note: %s\n", n)
	}
	fmt.Fprintf(a.stdout, "\n%d services in %s, catalogue of %s. To see what the Region really offers:\n  %s\n",
		len(rows), region, c.Date(), catalog.DescribeCommand(region))
	return nil
}

// serviceRows are the services that profiles and words lead to, or all of the
// Region.
func serviceRows(c *catalog.Catalog, region string, profiles, services []string) ([]text.ServiceRow, []string, error) {
	if len(profiles)+len(services) == 0 {
		var rows []text.ServiceRow
		for _, s := range c.Services(region) {
			rows = append(rows, serviceRow(s, s.Hosts))
		}
		return rows, nil, nil
	}
	targets, notes, err := c.Targets(catalog.Selection{Region: region, Label: "any", Profiles: profiles, Services: services})
	if err != nil {
		return nil, nil, err
	}
	var rows []text.ServiceRow
	at := map[string]int{}
	for _, t := range targets {
		i, ok := at[t.ID]
		if !ok {
			i = len(rows)
			at[t.ID] = i
			s, _ := c.Service(t.ID, region)
			rows = append(rows, serviceRow(s, nil))
		}
		rows[i].Hosts = append(rows[i].Hosts, t.Host)
	}
	return rows, notes, nil
}

func serviceRow(s catalog.Service, hosts []string) text.ServiceRow {
	row := text.ServiceRow{
		ID: s.ID, Name: s.ServiceName, Type: s.Type, Hosts: hosts, Confidence: s.Confidence,
		Availability: strings.TrimSpace(s.Availability + " " + s.Age), Note: s.Note,
	}
	for _, p := range s.Ports {
		row.Ports = append(row.Ports, strconv.Itoa(int(p)))
	}
	return row
}

// checkNames refuses profiles, services and Regions that nobody knows. A
// service that only this Region lacks is a note in the report.
func checkNames(c *catalog.Catalog, s *settings) error {
	if err := c.CheckNames(s.profiles, s.services); err != nil {
		return usageError{err}
	}
	if s.region == "" {
		return nil
	}
	if err := c.CheckRegion(s.region); err != nil {
		return usageError{err}
	}
	var missing *catalog.NotInRegionError
	_, _, err := c.Targets(catalog.Selection{Region: s.region, Label: "any", Profiles: s.profiles, Services: s.services})
	if errors.As(err, &missing) {
		return usageError{missing}
	}
	return nil
}
