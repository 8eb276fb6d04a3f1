// Command vpcdoctor runs on an EC2 instance and names the root cause when AWS
// service endpoints or Session Manager do not work.
package main

import "os"

func main() {
	os.Exit(newApp().run(os.Args[1:]))
}
